//! Calling over the network.

use std::net::IpAddr;
use std::str::FromStr;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite;

use crate::call::refusal;
use crate::error::Error;
use crate::pipe::{Io, Socket, limits};
use crate::tls::{CONNECT, Tls, Trust};
use crate::transport::{Body, Transport};

/// Where a server is: `https://host:port`, or `http://` on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |why: &str| Error::BadServer(format!("`{text}` {why}"));
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(bad("is neither https:// nor http://")),
        };
        let uri: http::Uri = rest
            .trim_end_matches('/')
            .parse()
            .map_err(|_| bad("is not an address like https://tod.example:8443"))?;
        let authority = uri
            .authority()
            .filter(|authority| !authority.as_str().contains('@'))
            .filter(|_| uri.path_and_query().is_none())
            .ok_or_else(|| bad("is not an address like https://tod.example:8443"))?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if !tls && !is_this_machine(&host) {
            return Err(bad("has no TLS: http:// is for this machine only"));
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { tls, host, port })
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.tls { "https://" } else { "http://" })?;
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Address {
    pub(crate) async fn tcp(&self) -> Result<TcpStream, Error> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(Error::unreachable)?;
        tcp.set_nodelay(true).map_err(Error::unreachable)?;
        Ok(tcp)
    }
}

/// Calls over the network.
#[derive(Debug)]
pub struct Https {
    address: Address,
    base: String,
    http: reqwest::Client,
    tls: Tls,
}

impl Https {
    /// Will call `server`, such as `https://tod.example:8443`. Connects to nothing yet.
    pub fn new(server: &str, trust: Trust) -> Result<Self, Error> {
        let address: Address = server.parse()?;
        let tls = Tls::new(trust)?;
        let mut config = tls.config.clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tod-client/", env!("CARGO_PKG_VERSION")));
        if is_this_machine(&address.host) {
            builder = builder.no_proxy();
        }
        Ok(Self {
            base: address.to_string(),
            http: builder.build().map_err(Error::malformed)?,
            address,
            tls,
        })
    }
}

impl Transport for Https {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Body>, Error>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let response = self
                .http
                .request(parts.method, format!("{}{}", self.base, parts.uri))
                .headers(parts.headers)
                .body(body)
                .send()
                .await
                .map_err(|error| self.tls.explain(error.without_url().into()))?;
            let mut answer = Response::builder().status(response.status());
            if let Some(headers) = answer.headers_mut() {
                headers.clone_from(response.headers());
            }
            let pieces = response.bytes_stream().map_err(Error::unreachable);
            answer.body(Body::stream(pieces)).map_err(Error::malformed)
        })
    }

    fn open(&self, request: Request<()>) -> BoxFuture<'_, Result<Socket, Error>> {
        Box::pin(async move {
            let io: Box<dyn Io> = if self.address.tls {
                Box::new(self.tls.connect(&self.address).await?)
            } else {
                Box::new(self.address.tcp().await?)
            };
            let request = self.upgrade(request)?;
            match client_async_with_config(request, io, Some(limits())).await {
                Ok((stream, _)) => Ok(Socket::new(stream)),
                Err(tungstenite::Error::Http(response)) => {
                    let (parts, body) = response.into_parts();
                    let body = Body::full(body.unwrap_or_default());
                    Err(refusal(Response::from_parts(parts, body)).await)
                }
                Err(error) => Err(Error::unreachable(error)),
            }
        })
    }
}

impl Https {
    /// Adds to a request what makes a WebSocket of it.
    fn upgrade(&self, request: Request<()>) -> Result<Request<()>, Error> {
        use tungstenite::client::IntoClientRequest as _;

        let (scheme, rest) = self.base.split_once("://").unwrap_or(("", &self.base));
        let scheme = if scheme == "https" { "wss" } else { "ws" };
        let mut upgrade = format!("{scheme}://{rest}{}", request.uri())
            .into_client_request()
            .map_err(Error::malformed)?;
        upgrade.headers_mut().extend(request.into_parts().0.headers);
        Ok(upgrade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_scheme_a_host_and_a_port() {
        let read = |text: &str| text.parse::<Address>().map(|a| a.to_string()).ok();

        assert_eq!(
            read("tod.example").as_deref(),
            Some("https://tod.example:443")
        );
        assert_eq!(
            read("https://[::1]:8443/").as_deref(),
            Some("https://[::1]:8443")
        );
        assert_eq!(
            read("http://127.0.0.1:80").as_deref(),
            Some("http://127.0.0.1:80")
        );
    }

    #[test]
    fn passwords_travel_neither_in_the_address_nor_in_the_clear() {
        for bad in [
            "http://tod.example",
            "https://me:pw@tod.example",
            "ftp://tod.example",
            "https://tod.example/path",
            "",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
