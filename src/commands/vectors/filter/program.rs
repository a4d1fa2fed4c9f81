//! Expressions compiled, and run.

use super::json;
use super::token::{Operator, Token, Tokens};
use super::value::Value;
use crate::base::text::until_nul;
use crate::command::Error;
use smallvec::SmallVec;

/// The longest expression, in bytes: compiled, it is up to a hundred times as long.
pub const LEN_MAX: usize = 1 << 20;

/// A compiled expression.
#[derive(Debug)]
pub struct Filter<'e> {
    program: Vec<Step<'e>>,
    /// The fields that it is about, sorted.
    fields: Vec<&'e [u8]>,
}

/// What a program does next.
#[derive(Debug)]
enum Step<'e> {
    /// Pushes a value.
    Value(Value<'e>),
    /// Pushes a list.
    List(Vec<Value<'e>>),
    /// Pushes the value of a field: which of the fields it is.
    Field(usize),
    /// Takes values off the stack, and pushes what becomes of them.
    Apply(Operator),
}

impl<'e> Filter<'e> {
    /// Compiles the expression `text`, which ends at its first NUL.
    ///
    /// # Errors
    /// A syntax error that repeats the expression from where its reading stopped, or all of it; when it is longer than
    /// [`LEN_MAX`].
    pub fn compile(text: &'e [u8]) -> Result<Self, Error> {
        if text.len() > LEN_MAX {
            return Err(Error::new("ERR FILTER expression is too long"));
        }
        let near = |rest: &[u8]| Error::parts(&[b"ERR syntax error in FILTER expression near: ", rest]);
        let mut reader = Tokens::new(until_nul(text));
        let mut tokens = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(token)) => tokens.push(token),
                Ok(None) => break,
                // What ends too early is repeated as a whole.
                Err(()) if reader.rest.is_empty() && until_nul(text).len() == text.len() => {
                    return Err(near(text));
                }
                Err(()) => return Err(near(reader.rest)),
            }
        }
        let names =
            tokens.iter().filter_map(|token| if let Token::Field(name) = token { Some(*name) } else { None });
        let mut fields: Vec<&[u8]> = names.collect();
        fields.sort_unstable();
        fields.dedup();
        let program = Compiler::new(&fields).compile(tokens).ok_or_else(|| near(text))?;
        Ok(Self { program, fields })
    }

    /// Whether the element with these attributes, a JSON object, passes.
    pub fn matches(&self, attributes: &[u8]) -> bool {
        self.run(attributes).unwrap_or(false)
    }

    /// Whether the expression is true; none where a field has no value.
    fn run(&self, attributes: &[u8]) -> Option<bool> {
        let fields = json::fields(attributes, &self.fields)?;
        let mut stack: SmallVec<[Value<'_>; 8]> = SmallVec::new();
        for step in &self.program {
            let value = match step {
                Step::Value(value) => value.borrowed(),
                Step::List(values) => Value::List(values),
                Step::Field(at) => fields[*at].as_ref()?.borrowed(),
                Step::Apply(operator) => {
                    let b = stack.pop()?;
                    let a = if operator.arity() == 2 { stack.pop()? } else { Value::Null };
                    apply(*operator, &a, &b)
                }
            };
            stack.push(value);
        }
        stack.pop().map(|value| value.is_true())
    }
}

/// What becomes of `b`, or of both.
fn apply<'v>(operator: Operator, a: &Value<'_>, b: &Value<'_>) -> Value<'v> {
    let compute = |f: fn(f64, f64) -> f64| Value::Number(f(a.number(), b.number()));
    let compare = |f: fn(&f64, &f64) -> bool| f(&a.number(), &b.number()).into();
    match operator {
        Operator::Not => (!b.is_true()).into(),
        Operator::Power => compute(f64::powf),
        Operator::Times => compute(|a, b| a * b),
        Operator::Over => compute(|a, b| a / b),
        Operator::Modulo => compute(|a, b| a % b),
        Operator::Plus => compute(|a, b| a + b),
        Operator::Minus => compute(|a, b| a - b),
        Operator::Greater => compare(f64::gt),
        Operator::GreaterOrEqual => compare(f64::ge),
        Operator::Less => compare(f64::lt),
        Operator::LessOrEqual => compare(f64::le),
        Operator::Equal => a.equals(b).into(),
        Operator::NotEqual => (!a.equals(b)).into(),
        Operator::In => a.is_in(b).into(),
        Operator::And => (a.is_true() && b.is_true()).into(),
        Operator::Or => (a.is_true() || b.is_true()).into(),
    }
}

/// Dijkstra's shunting yard.
struct Compiler<'e, 'f> {
    program: Vec<Step<'e>>,
    fields: &'f [&'e [u8]],
    /// Operators whose right side is not complete; none stands for an open parenthesis.
    pending: Vec<Option<Operator>>,
    /// How many values the program leaves on its stack so far.
    height: usize,
}

impl<'e, 'f> Compiler<'e, 'f> {
    fn new(fields: &'f [&'e [u8]]) -> Self {
        Self { program: Vec::new(), fields, pending: Vec::new(), height: 0 }
    }

    /// None where an operator lacks values, parentheses do not match, or not exactly one value is left.
    fn compile(mut self, tokens: Vec<Token<'e>>) -> Option<Vec<Step<'e>>> {
        for token in tokens {
            match token {
                Token::Value(value) => self.push(Step::Value(value)),
                Token::List(values) => self.push(Step::List(values)),
                Token::Field(name) => {
                    let at = self.fields.binary_search(&name).ok()?;
                    self.push(Step::Field(at));
                }
                Token::Open => self.pending.push(None),
                Token::Close => while self.apply_pending()? {},
                Token::Operator(operator) => self.operator(operator)?,
            }
        }
        while !self.pending.is_empty() {
            if !self.apply_pending()? {
                return None;
            }
        }
        (self.height == 1).then_some(self.program)
    }

    fn push(&mut self, step: Step<'e>) {
        self.program.push(step);
        self.height += 1;
    }

    /// Applies the last pending operator; `false` when it was a parenthesis.
    fn apply_pending(&mut self) -> Option<bool> {
        let Some(operator) = self.pending.pop()? else { return Some(false) };
        self.height = self.height.checked_sub(operator.arity())? + 1;
        self.program.push(Step::Apply(operator));
        Some(true)
    }

    /// Applies what binds tighter, or as tight and stands before it, and lets `operator` wait for its right side.
    fn operator(&mut self, operator: Operator) -> Option<()> {
        let own = operator.precedence();
        let first = |other: Operator| match operator {
            Operator::Power => other.precedence() > own,
            _ => other.precedence() >= own,
        };
        while self.pending.last().copied().flatten().is_some_and(first) {
            self.apply_pending()?;
        }
        self.pending.push(Some(operator));
        Some(())
    }
}
