//! Keys as bytes that sort as the values do.
//!
//! Integers are big-endian, signed ones with the sign bit flipped; text is escaped and terminated, so that "a" sorts
//! before "ab" whatever follows; options and enums begin with a tag byte; [`Newest`] is complemented; tuples are their
//! parts in sequence. So a key that begins with the same parts begins with the same bytes, and a [`Span`] of rows can
//! be named by its leading parts.

use crate::domain::id::Id;
use crate::domain::time::Timestamp;
use crate::store::engine::{KeyRange, after_prefix};
use std::cmp::Reverse;
use std::fmt;
use std::marker::PhantomData;

/// What can be written as a key. Borrowed forms write the same bytes as the owned [`Key`] that is read back.
pub trait ToKey {
    type Key: Key;
    fn write(&self, out: &mut Vec<u8>);
}

/// What can be read back from a key.
pub trait Key: ToKey<Key = Self> + Sized {
    /// Takes its bytes off the front; `None` if they are no such key.
    fn read(from: &mut &[u8]) -> Option<Self>;
}

pub fn encode(key: &(impl ToKey + ?Sized)) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    key.write(&mut out);
    out
}

/// `None` unless the bytes are exactly one key.
pub fn decode<K: Key>(mut bytes: &[u8]) -> Option<K> {
    let key = K::read(&mut bytes)?;
    bytes.is_empty().then_some(key)
}

/// The leading parts of a tuple, themselves a tuple: of `(A, B, C)` these are `()`, `(a,)`, `(a, b)` and `(a, b, c)`.
pub trait PrefixOf<K> {
    fn write_prefix(&self, out: &mut Vec<u8>);
}

/// The range of all keys that begin with `prefix`.
pub fn prefix_range<K: Key>(prefix: impl PrefixOf<K>) -> KeyRange {
    Span::of(prefix).range
}

/// A stretch of rows, named by leading parts of their keys.
pub struct Span<K> {
    range: KeyRange,
    key: PhantomData<fn() -> K>,
}

impl<K: Key> Span<K> {
    pub fn all() -> Span<K> {
        Span { range: KeyRange::all(), key: PhantomData }
    }

    /// The keys that begin with `prefix`.
    pub fn of(prefix: impl PrefixOf<K>) -> Span<K> {
        Span { range: KeyRange::prefix(prefix_bytes(prefix)), key: PhantomData }
    }

    /// Of these, the keys that begin with `prefix` or come after those that do.
    pub fn from(self, prefix: impl PrefixOf<K>) -> Span<K> {
        self.narrowed(prefix_bytes(prefix), None)
    }

    /// Of these, the keys that come before all that begin with `prefix`.
    pub fn before(self, prefix: impl PrefixOf<K>) -> Span<K> {
        self.narrowed(Vec::new(), Some(prefix_bytes(prefix)))
    }

    /// Of these, the keys that begin with `prefix` or come before those that do.
    pub fn through(self, prefix: impl PrefixOf<K>) -> Span<K> {
        self.narrowed(Vec::new(), after_prefix(&prefix_bytes(prefix)))
    }

    pub fn range(&self) -> &KeyRange {
        &self.range
    }

    fn narrowed(mut self, start: Vec<u8>, end: Option<Vec<u8>>) -> Span<K> {
        self.range.start = self.range.start.max(start);
        // No end is the highest one.
        self.range.end = match (self.range.end, end) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self
    }
}

impl<K> Clone for Span<K> {
    fn clone(&self) -> Span<K> {
        Span { range: self.range.clone(), key: PhantomData }
    }
}

fn prefix_bytes<K>(prefix: impl PrefixOf<K>) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    prefix.write_prefix(&mut out);
    out
}

/// An instant as a key that sorts the latest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Newest(pub Timestamp);

impl Ord for Newest {
    fn cmp(&self, other: &Newest) -> std::cmp::Ordering {
        Reverse(self.0).cmp(&Reverse(other.0))
    }
}

impl PartialOrd for Newest {
    fn partial_cmp(&self, other: &Newest) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Newest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "newest {}", self.0)
    }
}

impl ToKey for Newest {
    type Key = Newest;

    fn write(&self, out: &mut Vec<u8>) {
        (!self.0.as_second()).write(out);
    }
}

impl Key for Newest {
    fn read(from: &mut &[u8]) -> Option<Newest> {
        exact_timestamp(!i64::read(from)?).map(Newest)
    }
}

impl ToKey for Timestamp {
    type Key = Timestamp;

    fn write(&self, out: &mut Vec<u8>) {
        self.as_second().write(out);
    }
}

impl Key for Timestamp {
    fn read(from: &mut &[u8]) -> Option<Timestamp> {
        exact_timestamp(i64::read(from)?)
    }
}

/// A second outside a timestamp's range is a damaged key, not the nearest timestamp.
fn exact_timestamp(second: i64) -> Option<Timestamp> {
    Some(Timestamp::from_second(second)).filter(|timestamp| timestamp.as_second() == second)
}

macro_rules! integer_keys {
    ($($integer:ty, $flip:expr;)*) => {$(
        impl ToKey for $integer {
            type Key = $integer;

            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&(self ^ $flip).to_be_bytes());
            }
        }

        impl Key for $integer {
            fn read(from: &mut &[u8]) -> Option<$integer> {
                Some(<$integer>::from_be_bytes(*from.split_off_first_chunk_of()?) ^ $flip)
            }
        }
    )*};
}

integer_keys! {
    u8, 0;
    u16, 0;
    u32, 0;
    u64, 0;
    i8, i8::MIN;
    i16, i16::MIN;
    i32, i32::MIN;
    i64, i64::MIN;
}

/// Takes a fixed number of bytes off the front of a slice.
trait SplitOff<'a> {
    fn split_off_first_chunk_of<const N: usize>(&mut self) -> Option<&'a [u8; N]>;
}

impl<'a> SplitOff<'a> for &'a [u8] {
    fn split_off_first_chunk_of<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (chunk, rest) = self.split_first_chunk()?;
        *self = rest;
        Some(chunk)
    }
}

impl<I: Id> ToKey for I {
    type Key = I;

    fn write(&self, out: &mut Vec<u8>) {
        self.number().write(out);
    }
}

impl<I: Id> Key for I {
    fn read(from: &mut &[u8]) -> Option<I> {
        u64::read(from).map(I::new)
    }
}

impl ToKey for bool {
    type Key = bool;

    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl Key for bool {
    fn read(from: &mut &[u8]) -> Option<bool> {
        match u8::read(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<T: ToKey> ToKey for Option<T> {
    type Key = Option<T::Key>;

    fn write(&self, out: &mut Vec<u8>) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }
}

impl<K: Key> Key for Option<K> {
    fn read(from: &mut &[u8]) -> Option<Option<K>> {
        if bool::read(from)? { K::read(from).map(Some) } else { Some(None) }
    }
}

/// A digest: as it is, since all are of one length.
impl<const N: usize> ToKey for [u8; N] {
    type Key = [u8; N];

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

impl<const N: usize> Key for [u8; N] {
    fn read(from: &mut &[u8]) -> Option<[u8; N]> {
        from.split_off_first_chunk_of().copied()
    }
}

/// A zero byte ends the text, followed by another; inside the text it is followed by a one. So a text sorts before its
/// continuations, and what follows it in a tuple can not be mistaken for more of it.
impl ToKey for str {
    type Key = String;

    fn write(&self, out: &mut Vec<u8>) {
        let mut rest = self.as_bytes();
        while let Some(zero) = rest.iter().position(|byte| *byte == 0) {
            out.extend_from_slice(&rest[..zero]);
            out.extend_from_slice(&[0, 1]);
            rest = &rest[zero + 1..];
        }
        out.extend_from_slice(rest);
        out.extend_from_slice(&[0, 0]);
    }
}

impl ToKey for String {
    type Key = String;

    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl Key for String {
    fn read(from: &mut &[u8]) -> Option<String> {
        let mut text = Vec::new();
        loop {
            let zero = from.iter().position(|byte| *byte == 0)?;
            text.extend_from_slice(&from[..zero]);
            let after = *from.get(zero + 1)?;
            *from = &from[zero + 2..];
            match after {
                0 => return String::from_utf8(text).ok(),
                1 => text.push(0),
                _ => return None,
            }
        }
    }
}

macro_rules! borrowed_keys {
    ($($borrowed:ty => $owned:ty),*) => {$(
        impl ToKey for $borrowed {
            type Key = $owned;

            fn write(&self, out: &mut Vec<u8>) {
                (**self).write(out);
            }
        }
    )*};
}

borrowed_keys! { &str => String, &String => String }

/// The key of a table that holds one record.
impl ToKey for () {
    type Key = ();

    fn write(&self, _: &mut Vec<u8>) {}
}

impl Key for () {
    fn read(_: &mut &[u8]) -> Option<()> {
        Some(())
    }
}

macro_rules! tuple_keys {
    ($($name:ident $part:ident $borrowed:ident)*) => {
        impl<$($part: ToKey),*> ToKey for ($($part,)*) {
            type Key = ($($part::Key,)*);

            fn write(&self, out: &mut Vec<u8>) {
                let ($($name,)*) = self;
                $($name.write(out);)*
            }
        }

        impl<$($part: Key),*> Key for ($($part,)*) {
            fn read(from: &mut &[u8]) -> Option<Self> {
                Some(($($part::read(from)?,)*))
            }
        }
    };
}

tuple_keys! { a A AA }
tuple_keys! { a A AA b B BB }
tuple_keys! { a A AA b B BB c C CC }
tuple_keys! { a A AA b B BB c C CC d D DD }
tuple_keys! { a A AA b B BB c C CC d D DD e E EE }

/// Every tuple is a prefix of itself and of those that go on.
macro_rules! prefixes {
    ($($given:ident: $part:ident),* ; $($more:ident),*) => {
        impl<$($given: ToKey<Key = $part>, $part: Key,)* $($more),*> PrefixOf<($($part,)* $($more,)*)> for ($($given,)*) {
            fn write_prefix(&self, out: &mut Vec<u8>) {
                self.write(out);
            }
        }
    };
}

prefixes! { ; A }
prefixes! { ; A, B }
prefixes! { ; A, B, C }
prefixes! { ; A, B, C, D }
prefixes! { ; A, B, C, D, E }
prefixes! { P: A ; }
prefixes! { P: A ; B }
prefixes! { P: A ; B, C }
prefixes! { P: A ; B, C, D }
prefixes! { P: A ; B, C, D, E }
prefixes! { P: A, Q: B ; }
prefixes! { P: A, Q: B ; C }
prefixes! { P: A, Q: B ; C, D }
prefixes! { P: A, Q: B ; C, D, E }
prefixes! { P: A, Q: B, R: C ; }
prefixes! { P: A, Q: B, R: C ; D }
prefixes! { P: A, Q: B, R: C ; D, E }
prefixes! { P: A, Q: B, R: C, S: D ; }
prefixes! { P: A, Q: B, R: C, S: D ; E }
prefixes! { P: A, Q: B, R: C, S: D, T: E ; }

/// Makes an enum a key: a tag byte, then what the variant holds.
///
/// Tags are part of the file format. Give them in the order of the variants, or the bytes sort differently.
///
/// `enum_key!(Subject { 0 => Incident(IncidentId), 1 => Upkeep });`
macro_rules! enum_key {
    ($enum:ty { $($tag:literal => $variant:ident $(($held:ty))?),* $(,)? }) => {
        impl $crate::store::keys::ToKey for $enum {
            type Key = $enum;

            fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $($crate::store::keys::enum_key!(@pattern $variant held $(($held))?) => {
                        out.push($tag);
                        $(<$held as $crate::store::keys::ToKey>::write(held, out);)?
                    })*
                }
            }
        }

        impl $crate::store::keys::Key for $enum {
            fn read(from: &mut &[u8]) -> Option<Self> {
                match <u8 as $crate::store::keys::Key>::read(from)? {
                    $($tag => Some($crate::store::keys::enum_key!(@build $variant from $(($held))?)),)*
                    _ => None,
                }
            }
        }
    };
    (@pattern $variant:ident $name:ident) => { Self::$variant };
    (@pattern $variant:ident $name:ident ($held:ty)) => { Self::$variant($name) };
    (@build $variant:ident $from:ident) => { Self::$variant };
    (@build $variant:ident $from:ident ($held:ty)) => {
        Self::$variant(<$held as $crate::store::keys::Key>::read($from)?)
    };
}
pub(crate) use enum_key;

#[cfg(test)]
mod tests;
