//! The file format of age (C2SP, `age-encryption.org/v1`), as far as backups need it: files for X25519 recipients.
//!
//! Whoever encrypts needs the recipient alone, a public key, so a machine can write what it cannot read back. The tool
//! `age` opens what is written here, and what it wrote for an X25519 recipient opens here. Of the format's other ways to
//! wrap a key (passwords, plugins, SSH keys) nothing is known: such stanzas are passed over, as the format asks.
//!
//! ```text
//! age-encryption.org/v1
//! -> X25519 <share>           one stanza for each recipient
//! <the file key, wrapped>
//! --- <MAC of the above>
//! 16 bytes of nonce, then chunks of 64 KiB, each with a 16-byte tag; the last one says that it is the last
//! ```

use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use curve25519_dalek::MontgomeryPoint;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::hmac;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::str::FromStr;

/// What each such file begins with.
pub const MAGIC: &[u8] = b"age-encryption.org/v1\n";

const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
/// A header with more lines, or a line with more bytes, is not believed.
const HEADER_LINES: usize = 1_000;
const LINE_BYTES: u64 = 4 * 1024;

const OF_RECIPIENT: Hrp = Hrp::parse_unchecked("age");
const OF_IDENTITY: Hrp = Hrp::parse_unchecked("age-secret-key-");

type FileKey = [u8; 16];

/// The public half of a key, `age1…`: files can be encrypted to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recipient([u8; 32]);

/// The secret half, `AGE-SECRET-KEY-1…`: opens what was encrypted to its recipient.
#[derive(Clone, Debug)]
pub struct Identity(Secret<[u8; 32]>);

impl Identity {
    pub fn new(random: [u8; 32]) -> Identity {
        Identity(Secret::new(random))
    }

    pub fn recipient(&self) -> Recipient {
        Recipient(MontgomeryPoint::mul_base_clamped(*self.0.expose()).to_bytes())
    }

    /// As a line of the file that `--identity` names.
    pub fn expose(&self) -> String {
        bech32::encode_upper::<Bech32>(OF_IDENTITY, self.0.expose()).expect("32 bytes are short enough")
    }

    /// Those of a file such as `age-keygen` writes: one a line, beside empty lines and comments.
    pub fn read_file(text: &str) -> Result<Vec<Identity>, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let identities = lines.map(str::parse).collect::<Result<Vec<Identity>, String>>()?;
        if identities.is_empty() { Err("there is no key in it".to_owned()) } else { Ok(identities) }
    }
}

impl FromStr for Identity {
    type Err = String;

    fn from_str(text: &str) -> Result<Identity, String> {
        let bytes = bech32_bytes(OF_IDENTITY, text).ok_or("a line is no key of age (AGE-SECRET-KEY-1…)")?;
        Ok(Identity::new(bytes))
    }
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Recipient, String> {
        let bytes = bech32_bytes(OF_RECIPIENT, text);
        Ok(Recipient(bytes.ok_or("it is no public key of age (age1…)")?))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = bech32::encode_lower::<Bech32>(OF_RECIPIENT, &self.0).expect("32 bytes are short enough");
        out.write_str(&text)
    }
}

fn bech32_bytes(kind: Hrp, text: &str) -> Option<[u8; 32]> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok().filter(|checked| checked.hrp() == kind)?;
    checked.byte_iter().collect::<Vec<u8>>().try_into().ok()
}

/// Encrypts what is written to it. Without [`Encryptor::finish`] the file is cut off, and readers say so.
pub struct Encryptor<W: Write> {
    out: W,
    stream: Stream,
    /// Not encrypted yet: as long as more may come, nobody knows whether it is the last chunk.
    chunk: Vec<u8>,
}

impl<W: Write> Encryptor<W> {
    /// `random` fills bytes with what nobody can guess.
    pub fn new(mut out: W, recipients: &[Recipient], random: impl Fn(&mut [u8])) -> io::Result<Encryptor<W>> {
        let (mut file_key, mut nonce) = (FileKey::default(), [0; 16]);
        random(&mut file_key);
        random(&mut nonce);
        let mut header = MAGIC.to_vec();
        for recipient in recipients {
            let mut ephemeral = [0; 32];
            random(&mut ephemeral);
            header.extend_from_slice(stanza(&file_key, recipient, ephemeral)?.as_bytes());
        }
        header.extend_from_slice(b"---");
        let mac = hmac::sign(&mac_key(&file_key), &header);
        out.write_all(&header)?;
        out.write_all(format!(" {}\n", BASE64.encode(mac)).as_bytes())?;
        out.write_all(&nonce)?;
        Ok(Encryptor { out, stream: Stream::new(&file_key, &nonce), chunk: Vec::with_capacity(CHUNK) })
    }

    /// Writes the last chunk and answers what was written to.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        Ok(self.out)
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let sealed = self.stream.next(is_last, |cipher, nonce| cipher.encrypt(nonce, self.chunk.as_slice()))?;
        self.chunk.clear();
        self.out.write_all(&sealed)
    }
}

impl<W: Write> Write for Encryptor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What is not a whole chunk stays here until the end.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Wraps the file key so that the recipient alone can take it out.
fn stanza(file_key: &FileKey, recipient: &Recipient, ephemeral: [u8; 32]) -> io::Result<String> {
    let share = MontgomeryPoint::mul_base_clamped(ephemeral).to_bytes();
    let key = wrapping_key(ephemeral, recipient.0, share, recipient.0);
    let key = key.ok_or_else(|| io::Error::other("a recipient of the backup is no usable key"))?;
    let wrapped = cipher(&key)
        .encrypt(&Nonce::default(), file_key.as_slice())
        .map_err(|_| io::Error::other("encryption failed"))?;
    Ok(format!("-> X25519 {}\n{}\n", BASE64.encode(share), BASE64.encode(wrapped)))
}

/// From one's own secret and the other's public half; `None` for a point that gives every secret the same answer.
fn wrapping_key(secret: [u8; 32], public: [u8; 32], share: [u8; 32], recipient: [u8; 32]) -> Option<[u8; 32]> {
    let agreed = MontgomeryPoint(public).mul_clamped(secret).to_bytes();
    let salt = [share, recipient].concat();
    (agreed != [0; 32]).then(|| derive(&agreed, &salt, b"age-encryption.org/v1/X25519"))
}

/// Why a file cannot be opened, in a sentence for who wants it open.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotOpened {
    #[error("none of the keys opens it")]
    OtherKey,
    #[error("it is damaged (its header makes no sense)")]
    Damaged,
    #[error("it ends too early")]
    Truncated,
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

impl From<io::Error> for NotOpened {
    fn from(error: io::Error) -> NotOpened {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => NotOpened::Truncated,
            io::ErrorKind::InvalidData => NotOpened::Damaged,
            _ => NotOpened::Unreadable(error.to_string()),
        }
    }
}

/// Decrypts what is read through it. Nothing comes out of a chunk that was changed, and the end is an error unless it is
/// the one that was written.
pub struct Decryptor<R: Read> {
    input: BufReader<R>,
    stream: Stream,
    is_first: bool,
    is_over: bool,
    plain: Vec<u8>,
    /// How much of it was handed out.
    given: usize,
}

impl<R: Read> Decryptor<R> {
    pub fn new(input: R, identities: &[Identity]) -> Result<Decryptor<R>, NotOpened> {
        let mut input = BufReader::new(input);
        let header = Header::read(&mut input)?;
        let keys = header.stanzas.iter().flat_map(|stanza| identities.iter().filter_map(|one| stanza.unwrap(one)));
        let file_key = keys.into_iter().next().ok_or(NotOpened::OtherKey)?;
        hmac::verify(&mac_key(&file_key), &header.told, &header.mac).map_err(|_| NotOpened::Damaged)?;
        let mut nonce = [0; 16];
        input.read_exact(&mut nonce)?;
        let stream = Stream::new(&file_key, &nonce);
        Ok(Decryptor { input, stream, is_first: true, is_over: false, plain: vec![], given: 0 })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let mut sealed = Vec::with_capacity(CHUNK + TAG);
        self.input.by_ref().take((CHUNK + TAG) as u64).read_to_end(&mut sealed)?;
        self.is_over = self.input.fill_buf()?.is_empty();
        if sealed.len() < TAG {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if sealed.len() == TAG && !self.is_first {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.is_first = false;
        self.plain = self.stream.next(self.is_over, |cipher, nonce| cipher.decrypt(nonce, sealed.as_slice()))?;
        self.given = 0;
        Ok(())
    }
}

impl<R: Read> Read for Decryptor<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() && !self.is_over {
            self.next_chunk()?;
        }
        let taken = out.len().min(self.plain.len() - self.given);
        out[..taken].copy_from_slice(&self.plain[self.given..self.given + taken]);
        self.given += taken;
        Ok(taken)
    }
}

struct Header {
    stanzas: Vec<Stanza>,
    /// What the MAC is of.
    told: Vec<u8>,
    mac: Vec<u8>,
}

/// One way to the file key.
struct Stanza {
    arguments: Vec<String>,
    body: Vec<u8>,
}

impl Header {
    fn read(input: &mut impl BufRead) -> Result<Header, NotOpened> {
        let mut header = Header { stanzas: vec![], told: vec![], mac: vec![] };
        if line(input)?.as_bytes() != MAGIC.trim_ascii_end() {
            return Err(NotOpened::Damaged);
        }
        header.told.extend_from_slice(MAGIC);
        for _ in 0..HEADER_LINES {
            let line = line(input)?;
            if let Some(mac) = line.strip_prefix("--- ") {
                header.told.extend_from_slice(b"---");
                header.mac = BASE64.decode(mac).map_err(|_| NotOpened::Damaged)?;
                return Ok(header);
            }
            if let Some(arguments) = line.strip_prefix("-> ") {
                let arguments = arguments.split(' ').map(str::to_owned).collect();
                header.stanzas.push(Stanza { arguments, body: vec![] });
            } else {
                let stanza = header.stanzas.last_mut().ok_or(NotOpened::Damaged)?;
                stanza.body.extend(BASE64.decode(&line).map_err(|_| NotOpened::Damaged)?);
            }
            header.told.extend_from_slice(line.as_bytes());
            header.told.push(b'\n');
        }
        Err(NotOpened::Damaged)
    }
}

/// Without its end.
fn line(input: &mut impl BufRead) -> Result<String, NotOpened> {
    let mut line = String::new();
    input.take(LINE_BYTES).read_line(&mut line)?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.to_owned()),
        None if line.len() as u64 == LINE_BYTES => Err(NotOpened::Damaged),
        None => Err(NotOpened::Truncated),
    }
}

impl Stanza {
    fn unwrap(&self, identity: &Identity) -> Option<FileKey> {
        let [kind, share] = self.arguments.as_slice() else { return None };
        let share: [u8; 32] = BASE64.decode(share).ok().filter(|_| kind == "X25519")?.try_into().ok()?;
        let key = wrapping_key(*identity.0.expose(), share, share, identity.recipient().0)?;
        // Of another length it was not made by this format; opening it would tell its maker something about the key.
        let wrapped = Some(&self.body).filter(|body| body.len() == FileKey::default().len() + TAG)?;
        cipher(&key).decrypt(&Nonce::default(), wrapped.as_slice()).ok()?.try_into().ok()
    }
}

/// Gives each chunk its nonce: its number, and whether it is the last.
struct Stream {
    cipher: ChaCha20Poly1305,
    number: u64,
}

impl Stream {
    fn new(file_key: &FileKey, nonce: &[u8; 16]) -> Stream {
        Stream { cipher: cipher(&derive(file_key, nonce, b"payload")), number: 0 }
    }

    fn next(
        &mut self,
        is_last: bool,
        crypt: impl FnOnce(&ChaCha20Poly1305, &Nonce) -> Result<Vec<u8>, chacha20poly1305::Error>,
    ) -> io::Result<Vec<u8>> {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(is_last);
        self.number += 1;
        crypt(&self.cipher, &nonce.into()).map_err(|_| io::ErrorKind::InvalidData.into())
    }
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(key.into())
}

fn mac_key(file_key: &FileKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &derive(file_key, b"", b"header"))
}

/// HKDF-SHA-256 (RFC 5869).
fn derive(key: &[u8], salt: &[u8], purpose: &[u8]) -> [u8; 32] {
    let info = [purpose];
    let derived = Salt::new(HKDF_SHA256, salt).extract(key);
    let derived = derived.expand(&info, Bytes32).expect("far below 255 digests");
    let mut key = [0; 32];
    derived.fill(&mut key).expect("the length is the one asked for");
    key
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Random, ScriptedRandom};

    /// Of the specification's own examples.
    const KEY: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

    fn identity(seed: u8) -> Identity {
        Identity::new([seed; 32])
    }

    fn encrypt(plain: &[u8], to: &[Recipient]) -> Vec<u8> {
        let random = ScriptedRandom::new(7);
        let mut out = Encryptor::new(Vec::new(), to, |bytes| random.fill(bytes)).expect("a header");
        out.write_all(plain).expect("written");
        out.finish().expect("finished")
    }

    fn decrypt(file: &[u8], with: &[Identity]) -> Result<Vec<u8>, String> {
        let mut plain = Vec::new();
        let mut input = Decryptor::new(file, with).map_err(|error| error.to_string())?;
        input.read_to_end(&mut plain).map_err(|error| format!("{:?}", error.kind()))?;
        Ok(plain)
    }

    #[test]
    fn keys_are_spelled_as_age_spells_them() {
        let identity: Identity = KEY.parse().expect("a key");
        assert_eq!(identity.0.expose(), &[0x42; 32]);
        assert_eq!(identity.expose(), KEY);
        let recipient = identity.recipient();
        assert_eq!(recipient.to_string().parse(), Ok(recipient));
        assert!(recipient.to_string().starts_with("age1") && recipient.to_string().len() == 62);
        for wrong in ["", "age1", KEY, "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwx"] {
            assert!(wrong.parse::<Recipient>().is_err(), "{wrong}");
        }
        assert!(recipient.to_string().parse::<Identity>().is_err());
        let file = format!("# created: today\n# public key: {recipient}\n\n{KEY}\n");
        assert_eq!(Identity::read_file(&file).expect("a key")[0].recipient(), recipient);
        assert!(Identity::read_file("# nothing\n").is_err());
    }

    #[test]
    fn each_recipient_reads_what_was_written_and_nobody_else() {
        let (ana, bo, eve) = (identity(1), identity(2), identity(3));
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17] {
            let plain: Vec<u8> = (0..len).map(|place| (place % 251) as u8).collect();
            let file = encrypt(&plain, &[ana.recipient(), bo.recipient()]);
            for one in [&ana, &bo] {
                assert_eq!(decrypt(&file, &[eve.clone(), one.clone()]).as_ref(), Ok(&plain), "{len}");
            }
            assert_eq!(decrypt(&file, std::slice::from_ref(&eve)), Err("none of the keys opens it".to_owned()));
        }
    }

    #[test]
    fn whatever_is_changed_or_cut_off_is_noticed() {
        let ana = identity(1);
        let plain = vec![7; CHUNK + 100];
        let file = encrypt(&plain, &[ana.recipient()]);
        let header = file.windows(5).position(|window| window == b"\n--- ").expect("a MAC") + 50;
        for place in (0..header + 40).chain((header..file.len()).step_by(997)).chain([file.len() - 1]) {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert_ne!(decrypt(&changed, std::slice::from_ref(&ana)), Ok(plain.clone()), "byte {place}");
        }
        for len in (0..header + 40).chain((header..file.len()).step_by(997)).chain([file.len() - 1]) {
            assert!(decrypt(&file[..len], std::slice::from_ref(&ana)).is_err(), "cut at {len}");
        }
        let mut longer = file.clone();
        longer.push(0);
        assert!(decrypt(&longer, std::slice::from_ref(&ana)).is_err());
    }
}
