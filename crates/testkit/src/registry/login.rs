//! Logging in (RFC 5730, section 2.9.1.1).

use super::answer::{Done, Refusal, Trid};
use super::command::Session;
use super::state::State;
use super::xml::{
    CONTACT, DOMAIN, Element, FEE, HOST, LAUNCH, RGP, SEC_DNS, Sequence, client_id, only_attributes, token,
};

pub(super) const OBJECTS: [&str; 3] = [DOMAIN, CONTACT, HOST];
pub(super) const EXTENSIONS: [&str; 4] = [SEC_DNS, RGP, FEE, LAUNCH];

/// The third failure ends the session.
const FAILURES: u32 = 3;

/// What a client logs in with.
struct Credentials {
    id: String,
    password: String,
    new_password: Option<String>,
    version: String,
    language: String,
    objects: Vec<String>,
    extensions: Vec<String>,
}

fn read(element: Element<'_>) -> Result<Credentials, Refusal> {
    only_attributes(element, &[])?;
    let mut fields = Sequence::of(element)?;
    let id = client_id(fields.one("clID")?)?;
    let password = token(fields.one("pw")?, 6, 16)?;
    let new_password = fields.maybe("newPW").map(|password| token(password, 6, 16)).transpose()?;
    let mut options = Sequence::of(fields.one("options")?)?;
    let version = token(options.one("version")?, 1, 20)?;
    let language = token(options.one("lang")?, 1, 20)?;
    options.end()?;
    let mut services = Sequence::of(fields.one("svcs")?)?;
    let uri = |element: Element<'_>| token(element, 0, 1000);
    let objects = services.some("objURI")?.into_iter().map(uri).collect::<Result<_, _>>()?;
    let extensions = match services.maybe("svcExtension") {
        None => Vec::new(),
        Some(extensions) => {
            let mut uris = Sequence::of(extensions)?;
            let found = uris.some("extURI")?.into_iter().map(uri).collect::<Result<_, _>>()?;
            uris.end()?;
            found
        }
    };
    services.end()?;
    fields.end()?;
    Ok(Credentials { id, password, new_password, version, language, objects, extensions })
}

pub(super) fn login(
    state: &mut State,
    session: &mut Session,
    element: Element<'_>,
    trid: &Trid,
) -> Result<Done, Refusal> {
    let given = read(element)?;
    if session.registrar.is_some() {
        return Err(Refusal::because(2002, "The session is logged in"));
    }
    authenticate(state, session, &given)?;
    offered(&given)?;
    client_id_is_new(state, &given.id, trid)?;
    if state.sessions.values().filter(|id| **id == given.id).count() >= state.options.sessions {
        return Err(Refusal::because(2502, format!("The limit is {}", state.options.sessions)));
    }
    if let (Some(password), Some(account)) = (given.new_password, state.registrars.get_mut(&given.id)) {
        account.registrar.password = password;
    }
    session.services = given.objects.into_iter().chain(given.extensions).collect();
    session.registrar = Some(given.id.clone());
    state.sessions.insert(session.number, given.id);
    state.most_sessions = state.most_sessions.max(state.sessions.len());
    Ok(Done::new(1000))
}

fn authenticate(state: &State, session: &mut Session, given: &Credentials) -> Result<(), Refusal> {
    let registrar = state.registrars.get(&given.id).map(|account| &account.registrar);
    let is_known = registrar.is_some_and(|registrar| {
        let shown = session.fingerprint.as_ref();
        let certified =
            registrar.fingerprints.is_empty() || shown.is_some_and(|shown| registrar.fingerprints.contains(shown));
        registrar.password == given.password && certified
    });
    if is_known {
        return Ok(());
    }
    session.failures += 1;
    Err(Refusal::new(if session.failures >= FAILURES { 2501 } else { 2200 }))
}

/// The client asks for nothing that was not in the greeting.
fn offered(given: &Credentials) -> Result<(), Refusal> {
    if given.version != "1.0" {
        return Err(Refusal::because(2100, given.version.as_str()));
    }
    if given.language != "en" {
        return Err(Refusal::because(2102, format!("The language {}", given.language)));
    }
    if let Some(strange) = given.objects.iter().find(|uri| !OBJECTS.contains(&uri.as_str())) {
        return Err(Refusal::because(2307, strange.as_str()));
    }
    let strange = given.extensions.iter().find(|uri| !EXTENSIONS.contains(&uri.as_str()));
    strange.map_or(Ok(()), |strange| Err(Refusal::because(2103, strange.as_str())))
}

/// Records the `clTRID`, and refuses one that the registrar used before.
pub(super) fn client_id_is_new(state: &mut State, registrar: &str, trid: &Trid) -> Result<(), Refusal> {
    let Some(id) = &trid.client else { return Ok(()) };
    let used = state.client_ids.entry(registrar.to_owned()).or_default();
    let again = used.contains(id);
    used.push(id.clone());
    if again && state.options.unique_client_ids {
        return Err(Refusal::because(2306, "clTRID not unique"));
    }
    Ok(())
}
