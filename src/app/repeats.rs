//! Calls that name themselves by a key: begun in the transaction of their change, answered from what was kept.
//!
//! Access is that of the use case that changes something; nothing here says who may.

use crate::app::{AppError, Read, Write};
use crate::domain::refusal::Refusal;
use crate::domain::repeat::{Attempt, Kept, KeptAnswer, Repeat};
use crate::store::{Read as _, repeats};

/// The answer of an earlier call with the same key; `None` if there was no such call, and a refusal if its answer is not
/// for this one or not there.
pub fn earlier(read: &Read<'_>, attempt: &Attempt) -> Result<Option<KeptAnswer>, AppError> {
    match read.get::<Repeat>(attempt.key_hash)?.filter(|repeat| repeat.counts_at(read.now())) {
        Some(repeat) => Ok(Some(repeat.answer_to(attempt)?.clone())),
        None => Ok(None),
    }
}

/// In the transaction of the change, before anything else: from its commit on the change counts as made. A call may write
/// several times; another one that has the same key and came later is refused here, whatever was found before.
pub fn begin(tx: &mut Write<'_>, attempt: &Attempt) -> Result<(), AppError> {
    match tx.get::<Repeat>(attempt.key_hash)?.filter(|repeat| repeat.counts_at(tx.now())) {
        Some(own) if own.attempt == attempt.attempt => Ok(()),
        Some(other) => {
            other.answer_to(attempt)?;
            let sentence = "The same call has just been answered. Send it again to hear the answer.";
            Err(Refusal::conflict("answer_lost", sentence).into())
        }
        None => Ok(repeats::repeat_begin(tx, attempt)?),
    }
}

/// Keeps what was answered. A call that wrote nothing begins here.
pub fn keep(tx: &mut Write<'_>, attempt: &Attempt, answer: &Kept) -> Result<(), AppError> {
    begin(tx, attempt)?;
    match tx.get::<Repeat>(attempt.key_hash)? {
        Some(repeat) => Ok(tx.put(&Repeat { answer: answer.clone(), ..repeat })?),
        None => Ok(()),
    }
}

/// Gives the key back: the call was refused, though it had written something.
pub fn free(tx: &mut Write<'_>, attempt: &Attempt) -> Result<(), AppError> {
    if tx.get::<Repeat>(attempt.key_hash)?.is_some_and(|repeat| repeat.attempt == attempt.attempt) {
        tx.delete::<Repeat>(attempt.key_hash)?;
    }
    Ok(())
}
