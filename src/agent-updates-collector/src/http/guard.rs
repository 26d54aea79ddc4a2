//! Who may ask: tokens and their scopes, and the names by which a browser came here.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::{App, Problem};
use crate::config::Scope;

/// Lets a request through when its token allows what the route does.
pub(super) async fn authorise(
    State((app, needed)): State<(App, Scope)>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let tokens = &app.settings().tokens;
    if !tokens.is_empty() {
        let allowed = bearer(request.headers())
            .and_then(|token| tokens.scopes(token))
            .ok_or_else(|| {
                Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "unauthorised",
                    "send a known token: Authorization: Bearer …",
                )
            })?;
        if !allowed.contains(&needed) && !allowed.contains(&Scope::Admin) {
            let detail = format!(
                "the token does not have the scope {}",
                format!("{needed:?}").to_lowercase()
            );
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
        }
    }
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Refuses what a page of another site makes a browser send. Its name for this service gives it away: it can point a name of
/// its own at this machine (DNS rebinding), but not an address, and not a name without a dot.
pub(super) async fn check_names(State(app): State<App>, request: Request, next: Next) -> Result<Response, Problem> {
    let headers = request.headers();
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let allowed = &app.settings().allowed_hosts;
    let host = text(HOST)
        .or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str))
        .unwrap_or_default();
    if !is_own_name(host_name(host), allowed) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "foreign_host",
            "this service does not go by that name; add it to allowed_hosts",
        ));
    }
    if let Some(origin) = text(ORIGIN) {
        let origin_host = origin.split_once("://").map(|(_, host)| host);
        if !origin_host.is_some_and(|origin| origin == host || allowed.iter().any(|name| name == host_name(origin))) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "foreign_origin",
                "pages of other sites may not ask this service",
            ));
        }
    }
    Ok(next.run(request).await)
}

/// The name without the port.
fn host_name(host: &str) -> &str {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.split(']').next().unwrap_or_default();
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn is_own_name(name: &str, allowed: &[String]) -> bool {
    let name = name.to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok()
        || !name.is_empty() && !name.contains(['.', '/', '@', '?', ':'])
        || name.ends_with(".localhost")
        || name == "host.docker.internal"
        || allowed.iter().any(|known| known.eq_ignore_ascii_case(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_without_a_dot_are_our_own() {
        let allowed = ["collector.example.org".to_owned()];
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "localhost:8080",
            "agent-collector:8080",
            "x.localhost",
            "Collector.Example.org:443",
            "host.docker.internal:8080",
        ] {
            assert!(is_own_name(host_name(host), &allowed), "{host}");
        }
        for host in [
            "",
            "evil.example.com:8080",
            "127.0.0.1.evil.com",
            "127.0.0.1:80@evil.com",
            "?",
            "example.org",
        ] {
            assert!(!is_own_name(host_name(host), &allowed), "{host}");
        }
    }
}
