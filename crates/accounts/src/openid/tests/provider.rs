//! A provider of identities on the loopback interface that is as strict as the specifications allow: it refuses every request
//! that is not exactly as it should be, and signs what the test tells it to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use platform::web::Form;
use platform::web::lists::escape;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

pub const CLIENT: &str = "innkeeper & sons";
pub const SECRET: &str = "s3cret: with/strange+signs%";

/// The keys that the provider may sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Es256,
    /// Another one of the same kind, which is published only when the test says so.
    OtherEs256,
    Rs256,
    Ed25519,
    /// The signature is empty.
    None,
    /// The published point as the key of a HMAC, which is how careless libraries are fooled.
    HmacOfPublic,
}

/// What the next tokens are like.
pub struct Manner {
    pub key: Key,
    pub kid: Option<&'static str>,
    pub claims: Value,
    pub tamper: fn(&mut Value, &mut Value),
    pub publish_other: bool,
    pub issuer: Option<&'static str>,
    pub answer_issuer: Option<String>,
    /// Refuses the browser with this code.
    pub refuse: Option<&'static str>,
}

struct Grant {
    challenge: String,
    nonce: String,
    redirect_uri: String,
}

pub struct Provider {
    pub issuer: String,
    pub manner: Mutex<Manner>,
    pub now: Mutex<i64>,
    pub redirect_uri: String,
    grants: Mutex<HashMap<String, Grant>>,
    pub keys_read: Mutex<u32>,
    pub exchanged: Mutex<u32>,
    es256: Vec<u8>,
    other_es256: Vec<u8>,
    ed25519: Vec<u8>,
    server: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(server) = self.server.lock().unwrap().take() {
            server.abort();
        }
    }
}

/// A key of tests alone: ring makes none of this kind.
const RSA: &str = concat!(
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCfsQ24h2iANzNFqfUzH+pZCjugOA4iWUWq8bp5TY/n0kPLnzmC",
    "TUTg2l0iaWqS9aX6GfzbIcL0kpwymaLgUB031929ljz8K6t7wEA33eQ8byQiPO2RpqhHQCrVKeQ5d0gYjVee+g9N1JSpzPXgTvE1",
    "0u95lFzqhSZaCQCVC5iUauV+1m7B6shSbhAzAuD7q3DQYXwsSV5SvFV5F6G/FgN0hz9N0Hl2dd4RUgCNmnu7DwKsuJeNhlvaY7j+",
    "Mf4MuAIJHiMDawGSdo9xO63JGkjppcYPkq8o8k1CiOhjYq3XfsLanmYENMfH9KiFPt/REJBkTcE6nP2OTqxblOORhuIHAgMBAAEC",
    "ggEADQlBG31CVKUs9FTphWDnmpkxQOUSkk9DVq8hD+H7C2uoySiYY0C3jLuGutZsMs8G26HfeGwLJDgLtD3ChBlGKVbf7Sgkllli",
    "SFnrZCQjC6PvCTR8GFXIivh8BqbC0MYiBo8TRhEXyry93hazQ7puCnzLu9sWsrZn6RWvDHvD2um2CVUPOm5zHwxlXDOthGCBajoV",
    "crYOFptX5qbOV5NSvwuMUPWqLGBZjMNWlWGoEMmOn0q3igVQCSVl5ZObYnAa42To7bGT+X5v5omCCog1xqUmnddQhjsOx1LBLfcd",
    "BYvBT27vekmbcvMtBHfvf7SZWvdxIB/uDaXGV4Rf33U3sQKBgQDOxD/GAFZLmtDs8AGv1LIM49ohvEuOnHE6k1cBGYfGjVb1Rtpx",
    "XOwhQYFJiNeSuSwJt8MoBI6oe5sduFStw0SWTYvuY5M77S5iBGZyW78vCaO0CyhPTqNO+fhtSgcSvvKUPF/IXCqQEteuZ/6uVxsT",
    "0efh5mE4tCqSBm5GX93LVQKBgQDFt0hA2WzK7c27+Mlpa/k1eVQrOAe53FBYJXSX627tpSQR7BHsDrLkeXNXkgEkapn7HgvKOWY7",
    "h93NX6G93MJPhl79eMXL0J1hWBgZc5B8yfPYpRnG2Uaed/Vr2SDk2YoJJGfRwUDHnXH2BCGqjiWrS3IFoVFji2Mrl7lyznZP6wKB",
    "gHTcFe8iYaN5bHt9anamD7uZS7+lXE7NvHEOtS258DMXzv3xfaR0kEB7dUbKQIx8e5dCdNo5OSegNJsngzRyGGGakmu5e41zD7P2",
    "KLCZigRbvloTtESefU41mWKrZDQEF7YQKVJkROoIvD2mKRr/wB4DlLroKiqSKT0+xTShGgnBAoGAQG2VUeyIEyii3hoYKA5TSyWa",
    "U+sSOXKdi9vIvqitoSsrMdvnizDPArzA5UxiqudB/h6wYNmLguKnWIFNR31kpF15Hsf4TI5SeqImWETcVI3KtFI4sB+lb4ZPpzE+",
    "EtUAsjH20tdSsLmRpUV7YwSnKcaQBV2oE/QcANyUReEZlLkCgYEAmAAJYvlQB0msglP1aKfxQXz1PkLPZK2mL/3TDT7LYagR9y8V",
    "+TUq2w2298Uda0WGaBkg3R7qUUWCIhT/qiAL/LuLsHw5ENlHb6HEWLb+kzk9l7yARU2TG5Mk6cFE+B8eGemASjop/ouK5bC4kyab",
    "0AyUMqyXAVkUlDfYB4HXFqg=",
);

fn rsa() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(&STANDARD.decode(RSA).unwrap()).unwrap()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    pub async fn start(redirect_uri: &str, now: i64) -> Arc<Provider> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let random = SystemRandom::new();
        let ecdsa =
            || EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap().as_ref().to_vec();
        let manner = Manner {
            key: Key::Es256,
            kid: Some("first"),
            claims: json!({ "sub": "42", "email": "boss@example.com", "email_verified": true }),
            tamper: |_, _| {},
            publish_other: false,
            issuer: None,
            answer_issuer: None,
            refuse: None,
        };
        let provider = Arc::new(Provider {
            issuer: format!("http://{address}"),
            manner: Mutex::new(manner),
            now: Mutex::new(now),
            redirect_uri: redirect_uri.to_owned(),
            grants: Mutex::default(),
            keys_read: Mutex::new(0),
            exchanged: Mutex::new(0),
            es256: ecdsa(),
            other_es256: ecdsa(),
            ed25519: Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref().to_vec(),
            server: Mutex::new(None),
        });
        // The server knows the provider weakly, so that the test's end is its end.
        let router = axum::Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::downgrade(&provider));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        *provider.server.lock().unwrap() = Some(server);
        provider
    }

    pub fn manner(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.manner.lock().unwrap());
    }

    fn ecdsa(&self, key: Key) -> EcdsaKeyPair {
        let bytes = if key == Key::OtherEs256 { &self.other_es256 } else { &self.es256 };
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &SystemRandom::new()).unwrap()
    }

    fn published(&self, key: Key, kid: &str) -> Value {
        match key {
            Key::Rs256 => {
                let public = rsa().public().clone();
                let parts = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(&public);
                json!({ "kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": encoded(parts.n), "e": encoded(parts.e) })
            }
            Key::Ed25519 => {
                let pair = Ed25519KeyPair::from_pkcs8(&self.ed25519).unwrap();
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "x": encoded(pair.public_key()) })
            }
            _ => {
                let pair = self.ecdsa(key);
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "x": encoded(&point[1..33]), "y": encoded(&point[33..]) })
            }
        }
    }

    fn signed(&self, nonce: &str) -> String {
        let manner = self.manner.lock().unwrap();
        let now = *self.now.lock().unwrap();
        let algorithm = match manner.key {
            Key::Es256 | Key::OtherEs256 => "ES256",
            Key::Rs256 => "RS256",
            Key::Ed25519 => "EdDSA",
            Key::None => "none",
            Key::HmacOfPublic => "HS256",
        };
        let mut header = json!({ "alg": algorithm, "typ": "JWT" });
        if let Some(kid) = manner.kid {
            header["kid"] = kid.into();
        }
        let mut claims = json!({ "iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce });
        for (name, value) in manner.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        (manner.tamper)(&mut header, &mut claims);
        let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let bytes = message.as_bytes();
        let signature = match manner.key {
            Key::Es256 | Key::OtherEs256 => {
                self.ecdsa(manner.key).sign(&SystemRandom::new(), bytes).unwrap().as_ref().to_vec()
            }
            Key::Ed25519 => Ed25519KeyPair::from_pkcs8(&self.ed25519).unwrap().sign(bytes).as_ref().to_vec(),
            Key::Rs256 => {
                let pair = rsa();
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature).unwrap();
                signature
            }
            Key::None => Vec::new(),
            Key::HmacOfPublic => {
                let pair = self.ecdsa(Key::Es256);
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, pair.public_key().as_ref());
                ring::hmac::sign(&key, bytes).as_ref().to_vec()
            }
        };
        format!("{message}.{}", encoded(signature))
    }
}

type Weak = State<std::sync::Weak<Provider>>;

async fn discovery(State(provider): Weak) -> Response {
    let Some(provider) = provider.upgrade() else { return StatusCode::GONE.into_response() };
    let issuer = provider.issuer.clone();
    let named = provider.manner.lock().unwrap().issuer.map_or(issuer.clone(), str::to_owned);
    Json(json!({
        "issuer": named,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "authorization_response_iss_parameter_supported": true,
    }))
    .into_response()
}

async fn keys(State(provider): Weak) -> Response {
    let Some(provider) = provider.upgrade() else { return StatusCode::GONE.into_response() };
    *provider.keys_read.lock().unwrap() += 1;
    let mut all = vec![
        provider.published(Key::Es256, "first"),
        provider.published(Key::Rs256, "rsa"),
        provider.published(Key::Ed25519, "edwards"),
        json!({ "kty": "of the future", "kid": "x" }),
    ];
    if provider.manner.lock().unwrap().publish_other {
        all.push(provider.published(Key::OtherEs256, "second"));
    }
    Json(json!({ "keys": all })).into_response()
}

/// The page on which somebody would log in; here everybody is logged in already.
async fn authorize(State(provider): Weak, RawQuery(query): RawQuery) -> Response {
    let Some(provider) = provider.upgrade() else { return StatusCode::GONE.into_response() };
    let form = Form::parse(query.unwrap_or_default().as_bytes()).unwrap();
    let names: Vec<&str> = form.pairs().map(|(name, _)| name).collect();
    let expected = [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    ];
    let right = names == expected
        && form.text("response_type") == "code"
        && form.text("client_id") == CLIENT
        && form.text("redirect_uri") == provider.redirect_uri
        && form.text("scope").split(' ').any(|scope| scope == "openid")
        && form.text("state").len() >= 32
        && form.text("nonce").len() >= 32
        && form.text("nonce") != form.text("state")
        && form.text("code_challenge").len() == 43
        && form.text("code_challenge_method") == "S256";
    if !right {
        return (StatusCode::BAD_REQUEST, format!("{names:?}")).into_response();
    }
    let manner = provider.manner.lock().unwrap();
    let answered = manner.answer_issuer.clone().unwrap_or_else(|| provider.issuer.clone());
    let state = form.text("state");
    let back = |what: String| {
        let to = format!("{}?{what}&state={state}&iss={}", provider.redirect_uri, escape(&answered));
        Redirect::to(&to).into_response()
    };
    if let Some(code) = manner.refuse {
        return back(format!("error={code}"));
    }
    let mut grants = provider.grants.lock().unwrap();
    let code = format!("code-{}-{}", grants.len(), &form.text("nonce")[..8]);
    let grant = Grant {
        challenge: form.text("code_challenge").to_owned(),
        nonce: form.text("nonce").to_owned(),
        redirect_uri: form.text("redirect_uri").to_owned(),
    };
    grants.insert(code.clone(), grant);
    back(format!("code={code}"))
}

async fn token(State(provider): Weak, headers: HeaderMap, body: String) -> Response {
    let Some(provider) = provider.upgrade() else { return StatusCode::GONE.into_response() };
    let wrong = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/x-www-form-urlencoded") {
        return wrong("invalid_request");
    }
    let pair = format!("{}:{}", escape(CLIENT), escape(SECRET));
    let basic = format!("Basic {}", STANDARD.encode(pair));
    if headers.get(header::AUTHORIZATION).is_none_or(|given| given.to_str().unwrap() != basic) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    let form = Form::parse(body.as_bytes()).unwrap();
    let names: Vec<&str> = form.pairs().map(|(name, _)| name).collect();
    if names != ["grant_type", "code", "redirect_uri", "code_verifier"]
        || form.text("grant_type") != "authorization_code"
    {
        return wrong("invalid_request");
    }
    // A code is good once.
    let Some(grant) = provider.grants.lock().unwrap().remove(form.text("code")) else { return wrong("invalid_grant") };
    let challenge = encoded(digest(&SHA256, form.text("code_verifier").as_bytes()));
    if challenge != grant.challenge || grant.redirect_uri != form.text("redirect_uri") {
        return wrong("invalid_grant");
    }
    *provider.exchanged.lock().unwrap() += 1;
    let id_token = provider.signed(&grant.nonce);
    Json(json!({ "access_token": "unused", "token_type": "Bearer", "expires_in": 300, "id_token": id_token }))
        .into_response()
}
