//! What the tests of the crate `redis` need and its package lacks: `#[async_test]`.

use proc_macro::{TokenStream, TokenTree};

/// Makes a test of an `async fn`: it runs on tokio, with a connection to a new server if it asks for one, and with both
/// values of a `bool` if it asks for that.
#[proc_macro_attribute]
pub fn async_test(_: TokenStream, item: TokenStream) -> TokenStream {
    let words: Vec<TokenTree> = item.into_iter().collect();
    let at = words.iter().position(|word| word.to_string() == "async").expect("an async fn");
    let attributes: TokenStream = words[..at].iter().cloned().collect();
    let (name, arguments) = (&words[at + 2], words[at + 3].to_string());
    let body: TokenStream = words[at + 4..].iter().cloned().collect();
    let call = match arguments.trim_matches(['(', ')', ' ']) {
        "" => "inner().await",
        flag if flag.contains("bool") => "inner(true).await; inner(false).await",
        _ => "let context = TestContext::new(); inner(context.async_connection().await.unwrap()).await",
    };
    format!(
        "{attributes} #[test] fn {name}() {{
            async fn inner{arguments} {body}
            let _ = block_on_all(async move {{ {call} }}, RuntimeType::Tokio);
        }}"
    )
    .parse()
    .expect("a test")
}
