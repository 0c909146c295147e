use super::*;
use proptest::prelude::*;

#[test]
fn expressions_are_evaluated_as_kconfig_does() {
    let config = Config::parse(
        "CONFIG_A=y\nCONFIG_64BIT=y\n# CONFIG_B is not set\nCONFIG_N=12\nCONFIG_S=\"x\"\n",
    );
    for (expression, expected) in [
        ("A", Some(true)),
        ("B || MISSING", Some(false)),
        ("A && !B", Some(true)),
        ("!(A || B)", Some(false)),
        ("64BIT && A", Some(true)),
        ("N >= 9", Some(true)),
        ("N < 0x0c", Some(false)),
        ("A = y && B=n", Some(true)),
        ("S != \"x\"", Some(false)),
        ("$(cc-option,-m(x)) && A", None),
        ("$(cc-option,-mx) && B", Some(false)),
        ("$(cc-option,-mx) || A", Some(true)),
        ("A A", None),
        ("", None),
    ] {
        assert_eq!(holds(expression, &config), expected, "{expression}");
    }
}

#[test]
fn parts_and_names() {
    assert_eq!(
        conjuncts("A && (B || !C) && 64BIT"),
        ["A", "(B || !C)", "64BIT"]
    );
    assert_eq!(conjuncts("A && B || C"), ["A && B || C"]);
    assert_eq!(
        symbols("64BIT && (A || !A) && N > 12 && m"),
        ["64BIT", "A", "N"]
    );
}

proptest! {
    #[test]
    fn any_expression_ends(text in "([A-C]|&&|\\|\\||!|\\(|\\)|=|<|\\$\\(|\"| |é|1){0,24}") {
        let config = Config::parse("CONFIG_A=y\n");
        let _ = holds(&text, &config);
        let _ = conjuncts(&text);
        let _ = symbols(&text);
    }
}
