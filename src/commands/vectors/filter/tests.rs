use super::Filter;
use proptest::prelude::*;

const MOVIE: &[u8] = br#"
    {"year": 1984, "title": "The \"Matrix\"", "rating": "7.5", "hit": true, "flop":false, "nil": null,
     "tags": ["a", 2, [3], null, "x\ty"], "none": [], "o": {"year": 1}, "last": -1e2 }"#;

fn passes(expression: &str) -> bool {
    Filter::compile(expression.as_bytes()).unwrap().matches(MOVIE)
}

fn refusal(expression: &[u8]) -> String {
    let error = Filter::compile(expression).unwrap_err().to_string();
    error.strip_prefix("ERR syntax error in FILTER expression near: ").unwrap().to_string()
}

#[test]
fn what_passes() {
    for expression in [
        "1",
        "'a'",
        "'0'",
        "[]",
        "null == null",
        ".year",
        ".year == 1984",
        ".year > 1980 and .year<1990",
        ".title == 'The \"Matrix\"'",
        ".rating > 7",
        ".rating == 7.5",
        ".hit and not .flop",
        ".nil == null",
        ".nil != 0",
        ".tags",
        "'a' in .tags",
        "2 in .tags",
        "null in .tags",
        "'x\ty' in .tags",
        "0 in .tags",
        "'Mat' in .title",
        "'' in .title",
        ".year in [1, 1984,]",
        "'a' in ['b', \"a\"]",
        ".tags == .none",
        "2 ** 3 ** 2 == 512",
        "7 % 4 == 3 && -7 % 4 == -3",
        "2 + 3 * 4 - 10 / 5 == 12",
        "(2 + 3) * 4 == 20",
        "3 -2 == 1",
        "3 - -2 == 5",
        "!0",
        "0 || 1",
        "1 2 +",
        "'5' == 5",
        "' 0x10' == 16",
        "'inf' > 1e308",
        "'1\\'' == '1\\''",
        ".last == -100",
        "1 / 0 > 1",
        "1.e1 == 10",
    ] {
        assert!(passes(expression), "{expression}");
    }
}

#[test]
fn what_does_not() {
    for expression in [
        "0",
        "''",
        "null",
        ".",
        ".absent",
        "1 or .absent",
        "not .absent",
        ".o",
        ".Year",
        "'abc' == 0 and 'abc' == ''",
        "'5 ' == 5",
        "'nan' == 'nan' and 'nan' == 0",
        "0 / 0 == 0 / 0",
        "1 in 1",
        "1 in '1'",
        "3 in .tags",
        "'b' in .none",
        ".title in 'Mat'",
    ] {
        assert!(!passes(expression), "{expression}");
    }
}

#[test]
fn what_is_no_expression() {
    for (expression, near) in [
        ("", ""),
        ("()", "()"),
        (" 1 2", " 1 2"),
        ("1 +", "1 +"),
        ("(1", "(1"),
        ("1)", "1)"),
        ("! !1", "! !1"),
        ("-.year", "-.year"),
        ("1 = 2", " 2"),
        ("1 == 'a", "1 == 'a"),
        ("1 == 2 foo 3", " 3"),
        ("1 == 2 foo", "1 == 2 foo"),
        ("1 # 2", "# 2"),
        ("1.2.3 == 4", " == 4"),
        ("1 in [2 3]", "3]"),
        ("1 in [.a]", ".a]"),
        ("1 in [2,", "1 in [2,"),
        ("1 ==\r\n#", "#"),
        ("1 == 2 . 3", ". 3"),
    ] {
        assert_eq!(refusal(expression.as_bytes()), near, "{expression}");
    }
    assert_eq!(refusal(b"1 '\0 2"), "");
    assert!(Filter::compile(&[b'('; super::LEN_MAX + 1]).is_err());
}

#[test]
fn attributes_that_are_no_json() {
    let matches = |attributes: &str, expression: &str| {
        Filter::compile(expression.as_bytes()).unwrap().matches(attributes.as_bytes())
    };
    for attributes in [
        "",
        "{",
        "[]",
        "{}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\": ",
        "{\"a\":}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":\"x",
        "{\"a\":\"x\\",
        "{\"a\":truex}",
        "{\"a\":[1}",
        "{\"a\":[1,]}",
        "{\"a\":[{}]}",
        "{\"a\":[[[[}",
        "{\"a\":{\"b\":1}}",
        "{\"b\":x,\"a\":1}",
        "{\"b\":{\"c\":{},\"a\":1",
        "{\"b\":1 \"a\":1}",
        "{\"a\":1-2}",
        "{\"\\u0061\":1}",
    ] {
        assert!(!matches(attributes, ".a or 1"), "{attributes}");
    }
    for attributes in [
        "{\"a\":1",
        "{\"a\":1,,,",
        "\t{ \"b\" : {\"}\":[{}]} , \"a\":0,\"a\":2}",
        "{\"b\":[}],\"a\":1}",
        "{\"b\":{\"c\":[},\"a\":1",
        "{\"a\":[[[]]]}",
        "{\"a\":\"\\u0061\"}",
        "{\"a\":\"1\\\\\"}",
    ] {
        assert!(matches(attributes, ".a or 1"), "{attributes}");
    }
    assert!(matches("{\"a\":\"\\u0061\\/\\n\"}", ".a == 'u0061/\n'"));
    assert!(!matches("{\"a\":0,\"a\":2}", ".a"));
}

/// A tree of what can be written, with what it is worth.
#[derive(Clone, Debug)]
enum Tree {
    Number(u8),
    Not(Box<Tree>),
    Both(Box<Tree>, &'static str, Box<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let operators =
        ["**", "*", "/", "%", "+", "-", ">", ">=", "<", "<=", "==", "!=", "and", "&&", "or", "||"];
    any::<u8>().prop_map(Tree::Number).prop_recursive(6, 64, 2, move |inner| {
        prop_oneof![
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            (inner.clone(), prop::sample::select(operators.to_vec()), inner)
                .prop_map(|(a, operator, b)| Tree::Both(Box::new(a), operator, Box::new(b))),
        ]
    })
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Tree::Number(n) => n.to_string(),
            Tree::Not(tree) => format!("(!({}))", tree.text()),
            Tree::Both(a, operator, b) => format!("({} {operator} {})", a.text(), b.text()),
        }
    }

    fn worth(&self) -> f64 {
        let truth = |b: bool| f64::from(u8::from(b));
        match self {
            Tree::Number(n) => f64::from(*n),
            Tree::Not(tree) => truth(tree.worth() == 0.0),
            Tree::Both(a, operator, b) => {
                let (a, b) = (a.worth(), b.worth());
                match *operator {
                    "**" => a.powf(b),
                    "*" => a * b,
                    "/" => a / b,
                    "%" => a % b,
                    "+" => a + b,
                    "-" => a - b,
                    ">" => truth(a > b),
                    ">=" => truth(a >= b),
                    "<" => truth(a < b),
                    "<=" => truth(a <= b),
                    "==" => truth(a == b),
                    "!=" => truth(a != b),
                    "and" | "&&" => truth(a != 0.0 && b != 0.0),
                    _ => truth(a != 0.0 || b != 0.0),
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn trees_are_worth_what_they_should_be(tree in tree()) {
        let text = tree.text();
        prop_assert_eq!(Filter::compile(text.as_bytes()).unwrap().matches(b""), tree.worth() != 0.0);
    }

    #[test]
    fn fields_are_those_of_a_whole_parser(
        names in prop::collection::vec("[a-c]", 0..5),
        n in any::<i32>(),
        text in "[ -~]{0,6}",
        blank in "[ \t\n]{0,2}",
    ) {
        let values = [
            serde_json::json!(n),
            serde_json::json!(text),
            serde_json::json!({"a": [text, {"b": n}]}),
            serde_json::json!([n, text, [n]]),
            serde_json::json!(null),
        ];
        let fields: Vec<String> = names.iter().zip(&values).map(|(name, value)| {
            format!("{blank}\"{name}\"{blank}:{blank}{value}{blank}")
        }).collect();
        let object = format!("{blank}{{{}}}", fields.join(","));
        let wanted = names.iter().zip(&values).find(|(name, _)| *name == "b").map(|(_, value)| value);
        let filter = Filter::compile(b".b or 1").unwrap();
        let known = wanted.is_some_and(|value| !value.is_object());
        prop_assert_eq!(filter.matches(object.as_bytes()), known);
        if let Some(serde_json::Value::Number(number)) = wanted {
            let expression = format!(".b == {number}");
            prop_assert!(Filter::compile(expression.as_bytes()).unwrap().matches(object.as_bytes()));
        }
    }
}
