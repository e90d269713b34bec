//! The engine on the major version of redb before the product's, with the settings a newcomer takes: a store whose way of
//! recovering is known to be wrong, which *torn* must find.

use disk::contents::{Contents, tables};
use disk::disk::{Disk, Handle};
use disk::power::PATH;
use disk::work::Host;
use pagerpal::store::Store;
use pagerpal::store::engine::map::MapEngine;
use pagerpal::store::engine::redb::Files;
use pagerpal::store::engine::{Changes, Engine, Error, Result, Snapshot};
use redb_before::{Builder, Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, TableHandle};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

#[derive(Debug)]
struct Storage(Handle);

impl StorageBackend for Storage {
    fn len(&self) -> io::Result<u64> {
        redb::StorageBackend::len(&self.0)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        redb::StorageBackend::read(&self.0, offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        redb::StorageBackend::set_len(&self.0, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        redb::StorageBackend::sync_data(&self.0)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        redb::StorageBackend::write(&self.0, offset, data)
    }
}

/// Rows are read from memory and kept in a file.
struct Older {
    rows: MapEngine,
    database: Database,
}

impl Engine for Older {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>> {
        self.rows.snapshot()
    }

    fn commit(&self, read_from: &dyn Snapshot, changes: &Changes) -> Result<()> {
        let written = catch_unwind(AssertUnwindSafe(|| write(&self.database, changes)));
        match written {
            Ok(Ok(())) => self.rows.commit(read_from, changes),
            Ok(Err(error)) => Err(Error::Unavailable(error.to_string())),
            Err(_) => Err(Error::Unavailable("it panicked".to_owned())),
        }
    }
}

fn write(database: &Database, changes: &Changes) -> std::result::Result<(), redb_before::Error> {
    let transaction = database.begin_write()?;
    for (name, rows) in changes.tables() {
        let mut table = transaction.open_table(TableDefinition::<&[u8], &[u8]>::new(name.0))?;
        for (key, value) in rows {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                None => table.remove(key.as_slice())?,
            };
        }
    }
    Ok(transaction.commit()?)
}

fn read(database: &Database) -> std::result::Result<Contents, redb_before::Error> {
    let read = database.begin_read()?;
    let mut contents = Contents::default();
    for handle in read.list_tables()? {
        let table = tables().find(|table| table.0 == handle.name()).expect("a table of the store");
        for row in read.open_table(TableDefinition::<&[u8], &[u8]>::new(table.0))?.iter()? {
            let (key, value) = row?;
            contents.add(table, key.value(), value.value());
        }
    }
    Ok(contents)
}

fn database(disk: &Disk, path: &Path) -> std::result::Result<Database, String> {
    let file = disk.handle(path).map_err(|error| error.to_string())?;
    let opened = catch_unwind(AssertUnwindSafe(|| Builder::new().create_with_backend(Storage(file))));
    opened.map_err(|_| "it panicked".to_owned())?.map_err(|error| error.to_string())
}

/// Born under another name, as the product's are, so that what is found is how it recovers.
pub fn open(disk: &Disk, host: &Host) -> std::result::Result<Store, String> {
    let path = Path::new(PATH);
    let words = |error: io::Error| error.to_string();
    if !disk.exists(path).map_err(words)? {
        let newborn = disk.place(&format!("{PATH}.new"));
        newborn.clear().map_err(words)?;
        disk.make(&newborn.path).map_err(words)?;
        drop(database(disk, &newborn.path)?);
        disk.sync(&newborn.path).map_err(words)?;
        disk.rename(&newborn.path, path).map_err(words)?;
        disk.sync_directory(path).map_err(words)?;
    }
    let database = database(disk, path)?;
    let rows = MapEngine::default();
    let contents = read(&database).map_err(|error| error.to_string())?;
    let empty = rows.snapshot().map_err(|error| error.to_string())?;
    rows.commit(&*empty, &contents.changes()).map_err(|error| error.to_string())?;
    drop(empty);
    let store = Store::on_engine(Box::new(Older { rows, database }), host.clock(), host.random());
    store.map_err(|error| error.to_string())
}
