use synap::commands::vectors::filter::Filter;

/// An expression and attributes, which the first NUL separates, are compiled and run without a panic.
pub fn filter(input: &[u8]) {
    let nul = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (expression, attributes) = input.split_at(nul);
    if let Ok(filter) = Filter::compile(expression) {
        filter.matches(attributes.get(1..).unwrap_or_default());
    }
    // Whatever the attributes are, their fields are looked for.
    if let Ok(filter) = Filter::compile(b".a in .b or .c == [1] or not .d") {
        filter.matches(input);
    }
}
