//! An expression as a row of tokens.

use super::value::Value;
use crate::base::text::is_blank;

/// The parts of an expression.
#[derive(Debug)]
pub enum Token<'e> {
    /// A number, a string or `null`.
    Value(Value<'e>),
    /// A list of numbers and strings, `[1, "two"]`.
    List(Vec<Value<'e>>),
    /// A field of the attributes, `.name`.
    Field(&'e [u8]),
    /// An operator.
    Operator(Operator),
    /// `(`
    Open,
    /// `)`
    Close,
}

/// What is done to values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `!`
    Not,
    /// `**`
    Power,
    /// `*`
    Times,
    /// `/`
    Over,
    /// `%`
    Modulo,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `in`
    In,
    /// `and`
    And,
    /// `or`
    Or,
}

impl Operator {
    /// How many values it takes.
    pub fn arity(self) -> usize {
        if self == Operator::Not { 1 } else { 2 }
    }

    /// The larger, the tighter it binds.
    pub fn precedence(self) -> u8 {
        use Operator::*;
        match self {
            Not => 6,
            Power => 5,
            Times | Over | Modulo => 4,
            Plus | Minus => 3,
            Greater | GreaterOrEqual | Less | LessOrEqual | Equal | NotEqual | In => 2,
            And => 1,
            Or => 0,
        }
    }
}

/// Operators as they are written. One that begins as another does stands before it.
const OPERATORS: [(&str, Operator); 19] = [
    ("!=", Operator::NotEqual),
    ("!", Operator::Not),
    ("not", Operator::Not),
    ("**", Operator::Power),
    ("*", Operator::Times),
    ("/", Operator::Over),
    ("%", Operator::Modulo),
    ("+", Operator::Plus),
    ("-", Operator::Minus),
    (">=", Operator::GreaterOrEqual),
    (">", Operator::Greater),
    ("<=", Operator::LessOrEqual),
    ("<", Operator::Less),
    ("==", Operator::Equal),
    ("in", Operator::In),
    ("and", Operator::And),
    ("&&", Operator::And),
    ("or", Operator::Or),
    ("||", Operator::Or),
];

/// A longer number is none.
const NUMBER_LEN_MAX: usize = 255;

/// Takes tokens off the beginning of an expression.
pub struct Tokens<'e> {
    /// What is not taken yet.
    pub rest: &'e [u8],
    /// Whether a `-` belongs to the number behind it.
    signed: bool,
}

impl<'e> Tokens<'e> {
    /// The tokens of `text`.
    pub fn new(text: &'e [u8]) -> Self {
        Self { rest: text, signed: true }
    }

    /// Takes as many bytes as `fits` says yes to.
    fn run(&mut self, fits: impl Fn(u8) -> bool) -> &'e [u8] {
        let (run, rest) =
            self.rest.split_at(self.rest.iter().position(|byte| !fits(*byte)).unwrap_or(self.rest.len()));
        self.rest = rest;
        run
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// Takes the next token; none at the end.
    ///
    /// # Errors
    /// When there is none that begins here. `rest` is then where the reading stopped.
    pub fn next(&mut self) -> Result<Option<Token<'e>>, ()> {
        self.run(is_blank);
        let token = match *self.rest {
            [] => return Ok(None),
            [b'0'..=b'9', ..] => self.number().map(Token::Value),
            [b'-', b'0'..=b'9', ..] if self.signed => self.number().map(Token::Value),
            [b'"' | b'\'', ..] => self.string().map(Token::Value),
            // A dot at the very end is the field without a name.
            [b'.'] => Some(self.field()),
            [b'.', second, ..] if is_of_field(second) => Some(self.field()),
            [b'[', ..] => self.list(),
            [b'(', ..] => Some(self.mark(Token::Open)),
            [b')', ..] => Some(self.mark(Token::Close)),
            [first, ..] if is_of_operator(first) => self.operator(),
            _ => None,
        };
        let token = token.ok_or(())?;
        self.signed = matches!(token, Token::Operator(_) | Token::Open);
        Ok(Some(token))
    }

    fn number(&mut self) -> Option<Value<'e>> {
        let sign = usize::from(self.rest[0] == b'-');
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E');
        let len = sign + self.rest[sign..].iter().take_while(|byte| is_part(byte)).count();
        let text = &self.rest[..len.min(NUMBER_LEN_MAX)];
        self.skip(text.len());
        let number = std::str::from_utf8(text).ok().filter(|_| len <= NUMBER_LEN_MAX)?;
        number.parse().ok().map(Value::Number)
    }

    /// A string stands for what is written between its quotes: a backslash keeps a quote from ending it, and stays.
    fn string(&mut self) -> Option<Value<'e>> {
        let quote = self.rest[0];
        let text = &self.rest[1..];
        let mut len = 0;
        loop {
            match text[len..] {
                [] => {
                    self.rest = &[];
                    return None;
                }
                [b'\\', _, ..] => len += 2,
                [byte, ..] if byte == quote => break,
                _ => len += 1,
            }
        }
        self.skip(len + 2);
        Some(Value::text(&text[..len]))
    }

    fn field(&mut self) -> Token<'e> {
        self.skip(1);
        Token::Field(self.run(is_of_field))
    }

    fn list(&mut self) -> Option<Token<'e>> {
        let mut values = Vec::new();
        self.skip(1);
        loop {
            self.run(is_blank);
            match self.rest.first()? {
                b']' => break,
                b'0'..=b'9' | b'-' => values.push(self.number()?),
                b'"' | b'\'' => values.push(self.string()?),
                _ => return None,
            }
            self.run(is_blank);
            match self.rest.first()? {
                b']' => break,
                b',' => self.skip(1),
                _ => return None,
            }
        }
        self.skip(1);
        Some(Token::List(values))
    }

    fn mark(&mut self, token: Token<'e>) -> Token<'e> {
        self.skip(1);
        token
    }

    /// The longest operator that the word begins with, or `null`, if that is all of it.
    fn operator(&mut self) -> Option<Token<'e>> {
        if let Some(behind) = self.rest.strip_prefix(b"null")
            && !behind.first().is_some_and(|byte| is_of_operator(*byte))
        {
            self.rest = behind;
            return Some(Token::Value(Value::Null));
        }
        let Some((name, operator)) =
            OPERATORS.iter().find(|(name, _)| self.rest.starts_with(name.as_bytes()))
        else {
            self.run(is_of_operator);
            return None;
        };
        self.skip(name.len());
        Some(Token::Operator(*operator))
    }
}

fn is_of_operator(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || b"+-*%/!()<>=|&".contains(&byte)
}

fn is_of_field(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
