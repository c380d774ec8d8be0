//! `GetCurrencies`.

use accounts::doors::{API_ACCESS, Action, CompatCx, Routes};
use kernel::Result;
use platform::compat::Answer;
use serde_json::{Value, json};

use crate::view::rate5;

pub fn routes() -> Routes {
    Routes::new().action(Action::new("GetCurrencies", API_ACCESS, get_currencies))
}

async fn get_currencies(cx: CompatCx) -> Result<Answer> {
    let all = super::all(&mut cx.app.db.read().await?).await?;
    let shown: Vec<Value> = all
        .iter()
        .map(|dealt| {
            json!({
                "id": dealt.id.to_string(),
                "code": dealt.code.code(),
                "prefix": dealt.prefix,
                "suffix": dealt.suffix,
                // 1 is the form 1234.56.
                "format": "1",
                "rate": rate5(&dealt.rate),
            })
        })
        .collect();
    Ok(Answer::success().with("totalresults", shown.len()).with_list("currencies", "currency", shown))
}
