//! Reads a backup, believing nothing: every length is bounded, every record proves itself, and the whole has a digest.
//!
//! Rows come out before the digest is known, so whoever builds something of them keeps it aside until [`Reader::next_row`]
//! has answered that this was all.

use super::{END, Head, MAGIC, ROW};
use crate::store::FORMAT;
use crate::store::codec::{self, PAYLOAD_BYTES};
use crate::store::engine::TableName;
use crate::store::verify::RecordKind;
use flate2::bufread::GzDecoder;
use ring::digest::{Context, SHA256};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};

/// The longest head that is believed; a real one has some 3 KiB.
const HEAD_BYTES: usize = 64 * 1024;
const KEY_BYTES: usize = 64 * 1024;
/// A payload with its version and checksum.
const VALUE_BYTES: usize = PAYLOAD_BYTES + 16;

/// Why a backup cannot be used, in a sentence for the operator.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    #[error("it is not a backup of PagerPal")]
    NotABackup,
    #[error(
        "it was written by a newer PagerPal (format {found}, this one knows {known}); use that version to restore it"
    )]
    Newer { found: u32, known: u32 },
    #[error("it ends too early: copy it again, or take another one")]
    Truncated,
    #[error("it is damaged ({0}): take another one")]
    Damaged(String),
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

/// One record, as the store it came from held it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    pub table: TableName,
    pub key: Vec<u8>,
    pub stored: Vec<u8>,
}

pub struct Reader<R: Read> {
    input: Input<R>,
    head: Head,
    /// The tables of the head as this program knows them.
    tables: Vec<TableName>,
    counts: Vec<u64>,
}

impl<R: Read> Reader<R> {
    /// Reads what the backup says of itself. `kinds` are the tables that this program knows.
    pub fn open(input: R, kinds: &[RecordKind]) -> Result<Reader<R>, Unusable> {
        let input = GzDecoder::new(BufReader::new(input));
        let mut input = Input { input, sum: Context::new(&SHA256) };
        let mut magic = [0; MAGIC.len()];
        match input.input.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => input.sum.update(&magic),
            Ok(()) => return Err(Unusable::NotABackup),
            // No gzip at all, which it says of its first bytes.
            Err(error) if error.kind() == ErrorKind::InvalidInput => return Err(Unusable::NotABackup),
            Err(error) => return Err(unusable(error)),
        }
        let told = input.sized(HEAD_BYTES)?;
        let head: Head = serde_json::from_slice(&told).map_err(|error| damaged(format!("its head: {error}")))?;
        if head.format > FORMAT {
            return Err(Unusable::Newer { found: head.format, known: FORMAT });
        }
        let known = |name: &str| kinds.iter().find(|kind| kind.table.0 == name).map(|kind| kind.table);
        let tables = head.tables.iter().map(|table| {
            known(&table.name).ok_or_else(|| damaged(format!("a table {:?}, which there is none of", table.name)))
        });
        let tables: Vec<TableName> = tables.collect::<Result<_, _>>()?;
        Ok(Reader { input, counts: vec![0; tables.len()], head, tables })
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next record, proven by its own checksum; `None` is the end, and then all before it is proven, too. Not to be
    /// asked again after that.
    pub fn next_row(&mut self) -> Result<Option<Row>, Unusable> {
        match self.input.exactly()? {
            [ROW] => self.row().map(Some),
            [END] => self.end().map(|()| None),
            _ => Err(damaged("it makes no sense inside")),
        }
    }

    fn row(&mut self) -> Result<Row, Unusable> {
        let place = usize::from(self.input.exactly::<1>()?[0]);
        let table = *self.tables.get(place).ok_or_else(|| damaged("a record of no table"))?;
        let (key, stored) = (self.input.sized(KEY_BYTES)?, self.input.sized(VALUE_BYTES)?);
        if codec::open(table, &key, &stored).is_err() {
            return Err(damaged(format!("the checksum of a record of {} does not match", table.0)));
        }
        self.counts[place] += 1;
        Ok(Row { table, key, stored })
    }

    fn end(&mut self) -> Result<(), Unusable> {
        let mut promised = [0; 32];
        self.input.input.read_exact(&mut promised).map_err(unusable)?;
        if self.input.sum.clone().finish().as_ref() != promised {
            return Err(damaged("its SHA-256 does not match"));
        }
        // Reading on makes the decoder look at its own checksum.
        let more = self.input.input.read(&mut [0]).map_err(unusable)? != 0
            || !self.input.input.get_mut().fill_buf().map_err(unusable)?.is_empty();
        if more {
            return Err(damaged("it goes on after its end"));
        }
        if self.head.tables.iter().zip(&self.counts).any(|(table, count)| table.records != *count) {
            return Err(damaged("it holds another number of records than it says"));
        }
        Ok(())
    }
}

struct Input<R: Read> {
    input: GzDecoder<BufReader<R>>,
    sum: Context,
}

impl<R: Read> Input<R> {
    fn exactly<const N: usize>(&mut self) -> Result<[u8; N], Unusable> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(unusable)?;
        self.sum.update(&bytes);
        Ok(bytes)
    }

    fn sized(&mut self, most: usize) -> Result<Vec<u8>, Unusable> {
        let len = u32::from_be_bytes(self.exactly()?) as usize;
        if len > most {
            return Err(damaged("a length in it cannot be right"));
        }
        let mut bytes = vec![0; len];
        self.input.read_exact(&mut bytes).map_err(unusable)?;
        self.sum.update(&bytes);
        Ok(bytes)
    }
}

fn damaged(what: impl Into<String>) -> Unusable {
    Unusable::Damaged(what.into())
}

fn unusable(error: io::Error) -> Unusable {
    match error.kind() {
        ErrorKind::UnexpectedEof => Unusable::Truncated,
        ErrorKind::InvalidInput | ErrorKind::InvalidData => damaged("it cannot be unpacked"),
        _ => Unusable::Unreadable(error.to_string()),
    }
}
