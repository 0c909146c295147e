//! The order of Debian versions, deb-version(7): `[epoch:]upstream[-revision]`.

use std::cmp::Ordering;

/// Compares two versions as dpkg does: by epoch, then upstream version, then revision.
///
/// ```
/// use kindling_deb::version::compare;
/// assert!(compare("1.0~rc1", "1.0").is_lt());
/// assert!(compare("1:0.9", "2.0").is_gt());
/// ```
pub fn compare(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    let (a_epoch, a_upstream, a_revision) = split(a);
    let (b_epoch, b_upstream, b_revision) = split(b);
    compare_digits(a_epoch.as_bytes(), b_epoch.as_bytes())
        .then_with(|| compare_part(a_upstream.as_bytes(), b_upstream.as_bytes()))
        .then_with(|| compare_part(a_revision.as_bytes(), b_revision.as_bytes()))
}

/// Epoch, upstream version and revision; an epoch or revision that is not there counts as `0`.
fn split(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
    (epoch, upstream, revision)
}

/// Alternates between runs of non-digits, in which `~` sorts before the end and letters before the other
/// characters, and runs of digits, compared as numbers.
fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        loop {
            let (x, y) = (weight(a.first()), weight(b.first()));
            if x == 0 && y == 0 {
                break;
            }
            if x != y {
                return x.cmp(&y);
            }
            // Equal and not both at an end or a digit, so both have a first byte.
            (a, b) = (&a[1..], &b[1..]);
        }
        let (a_digits, b_digits);
        (a_digits, a) = a.split_at(digits(a));
        (b_digits, b) = b.split_at(digits(b));
        let order = compare_digits(a_digits, b_digits);
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// The rank of a non-digit; the end of the text and a digit are both 0.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(b) if b.is_ascii_digit() => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Compares decimal numbers of any length; nothing is 0.
fn compare_digits(a: &[u8], b: &[u8]) -> Ordering {
    let strip = |s: &[u8]| s.iter().take_while(|b| **b == b'0').count();
    let (a, b) = (&a[strip(a)..], &b[strip(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_base::Command;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    fn version() -> impl Strategy<Value = String> {
        // Few distinct characters, so that pairs share long beginnings.
        "([01]:)?[0-2][0-2a.~+]{0,5}(-[0-2a.~+]{1,4})?"
    }

    #[test]
    fn the_examples_of_the_manual_page() {
        // deb-version(7), "Sorting algorithm".
        let sorted = ["~~", "~~a", "~", "", "a"];
        for pair in sorted.windows(2) {
            assert!(compare(pair[0], pair[1]).is_lt(), "{pair:?}");
        }
        assert!(compare("1.0", "1.00").is_eq());
        assert!(compare("1.0-0", "1.0").is_eq());
        assert!(compare("0:1", "1").is_eq());
        assert!(compare("1.10", "1.9").is_gt());
        assert!(compare("1.0+b1", "1.0").is_gt());
        assert!(compare("1.0a", "1.0+").is_lt());
    }

    #[test]
    fn dpkg_agrees() {
        let dpkg = |a: &str, relation: &str, b: &str| {
            Command::new("dpkg")
                .args(["--compare-versions", a, relation, b])
                .output()
        };
        if dpkg("1", "eq", "1").is_err() {
            println!("skipped: dpkg is not installed");
            return;
        }
        let mut runner = TestRunner::deterministic();
        let pairs = (version(), version());
        for _ in 0..300 {
            let (a, b) = pairs.new_tree(&mut runner).unwrap().current();
            let relation = match compare(&a, &b) {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            assert!(
                dpkg(&a, relation, &b).unwrap().status.success(),
                "dpkg does not say {a} {relation} {b}"
            );
        }
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in version(), b in version(), c in version()) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }

        #[test]
        fn any_text_is_compared_without_a_panic(a in ".{0,20}", b in ".{0,20}") {
            compare(&a, &b);
        }
    }
}
