//! Text that callers of the compatible API have encrypted here, to keep it elsewhere and to have it decrypted later.
//!
//! What must hold:
//! - Only what was encrypted for this can be decrypted by it: the text is bound to a place of its own, so that no other
//!   secret of the database, as the key of a gateway, opens here, whoever copies it out.
//! - Decrypting takes a permission of its own. Both are in the activity log, the texts are nowhere.

pub mod compat;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Error, Result, Timestamp};
use platform::App;
use platform::db::Tx;

use crate::activity_log::{self, Activity, Actor};
use crate::doors::API_ACCESS;
use crate::roles::Permission;

pub const DECRYPT: Permission = Permission("Decrypt Passwords");

/// What the texts are bound to. Nothing else may be sealed for it.
const PLACE: &str = "password_encryption";

const WRONG: &str = "This was not encrypted by EncryptPassword of this installation, or is damaged.";

/// The same text twice gives two different ones. Their letters survive forms and addresses as they are.
pub async fn encrypt(tx: &mut Tx, app: &App, by: &Actor, plain: &str, now: Timestamp) -> Result<String> {
    by.require(API_ACCESS)?;
    let sealed = app.vault.seal(&app.random, PLACE, plain.as_bytes())?;
    activity_log::record(tx, by, Activity::new("A password was encrypted for a caller of the API"), now).await?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// What [`encrypt`] was given. `field` is where the text stood, for the error.
pub async fn decrypt(tx: &mut Tx, app: &App, by: &Actor, field: &str, text: &str, now: Timestamp) -> Result<String> {
    by.require(DECRYPT)?;
    let plain = opened(app, text).ok_or_else(|| Error::invalid(field, WRONG))?;
    activity_log::record(tx, by, Activity::new("A password was decrypted for a caller of the API"), now).await?;
    Ok(plain)
}

/// Why it does not open is nobody's to know.
fn opened(app: &App, text: &str) -> Option<String> {
    let sealed = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
    String::from_utf8(app.vault.open(PLACE, &sealed).ok()?).ok()
}
