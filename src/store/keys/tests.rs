use super::*;
use crate::domain::id::{TeamId, UserId};
use proptest::prelude::*;
use std::fmt::Debug;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Subject {
    Team(TeamId),
    User(UserId),
    Upkeep,
}

enum_key!(Subject { 0 => Team(TeamId), 1 => User(UserId), 2 => Upkeep });

fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        any::<u64>().prop_map(|n| Subject::Team(Id::new(n))),
        any::<u64>().prop_map(|n| Subject::User(Id::new(n))),
        Just(Subject::Upkeep),
    ]
}

fn timestamps() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.as_second()..=Timestamp::MAX.as_second()).prop_map(Timestamp::from_second)
}

/// Text over few letters, so that texts share beginnings, with the two bytes that need escaping among them.
fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), Just('\u{ff}'), Just('é')], 0..6)
        .prop_map(String::from_iter)
}

fn check<K: Key + Ord + Debug>(one: K, other: K) -> Result<(), TestCaseError> {
    let (first, second) = (encode(&one), encode(&other));
    prop_assert_eq!(first.cmp(&second), one.cmp(&other), "{:?} {:?}", one, other);
    prop_assert_eq!(decode::<K>(&first), Some(one));
    prop_assert_eq!(decode::<K>(&[&first[..], &[7]].concat()), None, "bytes left over");
    Ok(())
}

proptest! {
    #[test]
    fn bytes_sort_as_integers_do(a: (u8, u16, u32, u64), b: (u8, u16, u32, u64), c: (i8, i16, i32, i64), d: (i8, i16, i32, i64)) {
        check(a, b)?;
        check(c, d)?;
        check((a.0, c.3), (a.0, d.3))?;
    }

    #[test]
    fn bytes_sort_as_text_does_whatever_follows(a in (texts(), any::<u8>()), b in (texts(), any::<u8>())) {
        check(a.clone(), b.clone())?;
        check(a.0.clone(), b.0)?;
        prop_assert_eq!(encode(&a.0.as_str()), encode(&a.0), "borrowed and owned write the same");
    }

    #[test]
    fn bytes_sort_as_enums_options_and_instants_do(
        a in (subjects(), any::<Option<bool>>(), timestamps(), any::<[u8; 3]>(), any::<i8>()),
        b in (subjects(), any::<Option<bool>>(), timestamps(), any::<[u8; 3]>(), any::<i8>()),
    ) {
        check(a, b)?;
        check((a.0, a.1), (a.0, b.1))?;
        check((a.1, Newest(a.2), a.0), (a.1, Newest(b.2), b.0))?;
    }

    #[test]
    fn a_span_holds_exactly_the_keys_that_its_prefixes_name(
        (text, at, id) in (texts(), 0u8..4, any::<u64>()),
        (wanted, low, high) in (texts(), 0u8..4, 0u8..4),
    ) {
        type Row = (String, u8, UserId);
        let key: Row = (text.clone(), at, Id::new(id));
        let bytes = encode(&key);
        let holds = |span: &Span<Row>| {
            bytes >= span.range().start && span.range().end.as_ref().is_none_or(|end| bytes < *end)
        };
        let wanted = wanted.as_str();
        prop_assert!(holds(&Span::all()));
        prop_assert!(holds(&Span::of((text.as_str(), at))));
        prop_assert_eq!(holds(&Span::of((wanted,))), text == wanted);
        prop_assert_eq!(holds(&Span::of((wanted, low))), text == wanted && at == low);
        prop_assert_eq!(holds(&Span::of((wanted,)).from((wanted, low))), text == wanted && at >= low);
        prop_assert_eq!(holds(&Span::of((wanted,)).before((wanted, high))), text == wanted && at < high);
        prop_assert_eq!(
            holds(&Span::of((wanted,)).from((wanted, low)).through((wanted, high))),
            text == wanted && (low..=high).contains(&at)
        );
        prop_assert_eq!(holds(&Span::all().through((wanted,))), text.as_str() <= wanted);
        prop_assert_eq!(prefix_range::<Row>((wanted,)), Span::<Row>::of((wanted,)).range().clone());
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
        let _ = decode::<(String, Subject, Timestamp, Newest)>(&bytes);
        let _ = decode::<(Option<bool>, [u8; 3], i16)>(&bytes);
    }
}

#[test]
fn the_bytes_are_these_for_ever() {
    let user: UserId = Id::new(258);
    for (bytes, expected) in [
        (encode(&(user, true)), "000000000000010201"),
        (encode(&("a\0b", 7u8)), "61000162000007"),
        (encode(&(-1i32, 1i32)), "7fffffff80000001"),
        (encode(&(None::<u8>, Some(3u8))), "000103"),
        (encode(&(Timestamp::from_second(1), Newest(Timestamp::from_second(1)))), "80000000000000017ffffffffffffffe"),
        (encode(&(Subject::User(user), Subject::Upkeep)), "01000000000000010202"),
    ] {
        assert_eq!(crate::store::hex(&bytes), expected);
    }
}

#[test]
fn a_key_out_of_range_is_no_key() {
    assert_eq!(decode::<bool>(&[2]), None);
    assert_eq!(decode::<Subject>(&[3]), None);
    assert_eq!(decode::<Timestamp>(&encode(&-1i64)), None);
    assert_eq!(decode::<String>(b"a\0\x02"), None);
    assert_eq!(decode::<String>(b"\xff\0\0"), None, "not UTF-8");
    assert_eq!(decode::<String>(b"a"), None, "no end");
}
