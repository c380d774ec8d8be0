//! A form that moves money is carried out once, however often its button is pressed.
//!
//! What must hold: the key is taken in the transaction of the work itself, so there is either both or neither; of two
//! presses at the same time the second waits for the first and then finds the key taken.

use accounts::repeats::Key;
use kernel::{Error, Result, Timestamp};
use platform::App;
use platform::db::Tx;

/// The name of the hidden field.
pub const FIELD: &str = "once";

/// A key for a form that is being shown.
pub fn key(app: &App) -> String {
    app.random.token()
}

/// Whether this is the first time that the form with this key is sent.
pub async fn take(tx: &mut Tx, key: &str, now: Timestamp) -> Result<bool> {
    if key.is_empty() || key.len() > 100 {
        return Err(Error::refused("This form is out of date. Reload the page and send it again."));
    }
    Key::of_form(key).take_form(tx, now).await
}
