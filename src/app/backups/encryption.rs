//! Backups that the machine which takes them cannot read back: encrypted to recipients (`BACKUP_RECIPIENTS`) whose keys are
//! elsewhere.
//!
//! Such a file is proven all the same. It is encrypted to one more recipient, whose key is drawn for this one file, stays in
//! memory, and is gone with the process or with the next backup.

use super::{RestoreError, Unusable};
use crate::age::{Decryptor, Encryptor, Identity, MAGIC, Recipient};
use crate::random::Random;
use std::io::{self, Read, Write};

/// Calls `write` with an output that encrypts, if there are recipients.
pub fn encrypting<T, E: From<io::Error>>(
    out: &mut dyn Write,
    recipients: &[Recipient],
    random: &dyn Random,
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    if recipients.is_empty() {
        return write(out);
    }
    let mut out = Encryptor::new(out, recipients, |bytes| random.fill(bytes))?;
    let answer = write(&mut out)?;
    out.finish()?;
    Ok(answer)
}

/// Those to encrypt to, and the key with which this process can prove the file; none of either if nobody is to be encrypted
/// to.
pub fn with_proof(recipients: &[Recipient], random: &dyn Random) -> (Vec<Recipient>, Option<Identity>) {
    if recipients.is_empty() {
        return (vec![], None);
    }
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let identity = Identity::new(bytes);
    ([recipients, &[identity.recipient()]].concat(), Some(identity))
}

/// The backup itself, whether it was encrypted or not.
pub fn decrypting<'a>(mut backup: impl Read + 'a, identities: &[Identity]) -> Result<Box<dyn Read + 'a>, RestoreError> {
    let mut beginning = Vec::with_capacity(MAGIC.len());
    let read = backup.by_ref().take(MAGIC.len() as u64).read_to_end(&mut beginning);
    read.map_err(|error| RestoreError::Unusable(Unusable::Unreadable(error.to_string())))?;
    let is_encrypted = beginning == MAGIC;
    let whole = io::Cursor::new(beginning).chain(backup);
    match (is_encrypted, identities) {
        (false, _) => Ok(Box::new(whole)),
        (true, []) => Err(RestoreError::Encrypted),
        (true, identities) => Ok(Box::new(Decryptor::new(whole, identities)?)),
    }
}
