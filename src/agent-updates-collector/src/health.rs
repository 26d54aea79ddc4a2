//! The `health` command: asks a running service over loopback, and never opens the database itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::body::{self, Body};
use axum::http::{header, Request, StatusCode};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::error::Error;

/// Longer than `/readyz` takes to give up on the database, shorter than the image's `HEALTHCHECK --timeout=3s`.
const PATIENCE: Duration = Duration::from_millis(2500);

/// An answer is a few words.
const ANSWER_BYTES: usize = 4096;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Asks `/readyz` of the service that listens on `listen`.
///
/// # Errors
///
/// When there is no answer in time, or another than 200; the error says which.
pub async fn check(listen: SocketAddr) -> Result<(), Error> {
    let address = reachable(listen);
    let reason = match timeout(PATIENCE, ask(address)).await {
        Ok(Ok((StatusCode::OK, _))) => return Ok(()),
        Ok(Ok((status, text))) => format!("{status}: {}", text.trim()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer in {PATIENCE:?}"),
    };
    Err(Error::NotReady { address, reason })
}

/// A service that listens on every address is asked on the loopback one.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    listen
}

async fn ask(address: SocketAddr) -> Result<(StatusCode, String), Failure> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Its errors come out of the request below.
    tokio::spawn(connection);
    let request = Request::get("/readyz")
        .header(header::HOST, address.to_string())
        .body(Body::empty())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let text = body::to_bytes(Body::new(response.into_body()), ANSWER_BYTES).await?;
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.1:80", "10.0.0.1:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }
}
