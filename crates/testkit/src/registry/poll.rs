//! Messages for registrars (RFC 5730, section 2.9.2.3): first in, first out, and gone when acknowledged.

use super::answer::{Done, Refusal};
use super::command::Call;
use super::xml::{Element, Sequence, chosen, only_attributes};

pub(super) fn poll(call: &mut Call<'_>, element: Element<'_>) -> Result<Done, Refusal> {
    only_attributes(element, &["op", "msgID"])?;
    Sequence::of(element)?.end()?;
    let operation = chosen(element, "op", &["ack", "req"])?;
    let by = call.by.clone();
    let Some(account) = call.state.registrars.get_mut(&by) else { return Err(Refusal::new(2400)) };
    if operation == "req" {
        return Ok(account.queue.front().map_or_else(
            || Done::new(1300),
            |first| Done { code: 1301, data: first.data.clone(), extension: first.extension.clone() },
        ));
    }
    let Some(id) = element.attribute("msgID") else {
        return Err(Refusal::because(2003, "msgID names the message to acknowledge"));
    };
    let at = account.queue.iter().position(|message| message.id.to_string() == id.trim());
    account.queue.remove(at.ok_or_else(|| Refusal::because(2303, "No such message waits"))?);
    Ok(Done::new(1000))
}
