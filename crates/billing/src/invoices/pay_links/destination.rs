//! Where a client's browser may be sent: to the provider or the bank, encrypted.

/// So long are the longest addresses that providers give, with room.
const LONGEST: usize = 8000;

/// Whether a browser may be sent to `url`. In a sandbox database an address of this machine or of this installation
/// (`own`) need not be encrypted.
pub(crate) fn is_safe(url: &str, sandbox: bool, own: &str) -> bool {
    let plain =
        url.len() <= LONGEST && url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\'));
    if !plain {
        return false;
    }
    if let Some(rest) = url.strip_prefix("https://") {
        return is_host(authority(rest));
    }
    match url.strip_prefix("http://") {
        Some(rest) if sandbox => {
            let place = authority(rest);
            let ours = own.strip_prefix("http://").map(authority);
            is_host(place) && (is_loopback(place) || ours == Some(place))
        }
        _ => false,
    }
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// A name before an @ is mostly there to deceive.
fn is_host(authority: &str) -> bool {
    !authority.is_empty() && !authority.contains('@') && !authority.starts_with(':')
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://billing.test:8080";

    #[test]
    fn only_encrypted_addresses_are_safe() {
        for url in [
            "https://hooks.stripe.com/redirect/authenticate/src_1?client_secret=x",
            "https://checkout.stripe.com/c/pay/cs_test_a1#fid=%2Fx",
        ] {
            assert!(is_safe(url, false, OWN) && is_safe(url, true, OWN), "{url}");
        }
        for url in [
            "",
            "http://bank.example/3ds",
            "javascript:alert(1)",
            "//bank.example",
            "/pay",
            "https://",
            "https:///x",
            "https://stripe.com@evil.example/",
            "https://bank.example/\"><script>",
            "https://bank.example/ x",
            "https://bank.example/\nRefresh: 0",
            "HTTPS\u{200b}://bank.example",
            "data:text/html,x",
        ] {
            assert!(!is_safe(url, false, OWN) && !is_safe(url, true, OWN), "{url}");
        }
        assert!(!is_safe(&format!("https://a.example/{}", "x".repeat(9000)), false, OWN));
    }

    #[test]
    fn a_sandbox_may_send_to_this_machine_and_to_itself() {
        for url in
            ["http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:8080/", "http://billing.test:8080/sandbox"]
        {
            assert!(is_safe(url, true, OWN), "{url}");
            assert!(!is_safe(url, false, OWN), "{url}");
        }
        for url in ["http://127.0.0.1.evil.example/", "http://localhost@evil.example/", "http://billing.test/"] {
            assert!(!is_safe(url, true, OWN), "{url}");
        }
    }
}
