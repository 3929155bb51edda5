//! Which web pages may call the API: none, unless their origins are listed one by one.

use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it may do.
const REMEMBER: Duration = Duration::from_mins(10);

/// The origin of a web page: `https://console.example`, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Every page.
    Any,
    /// The pages of one host and port.
    One(HeaderValue),
}

/// The origins whose pages may call. None: no answer says anything about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(pub Vec<Origin>);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let wrong = || {
            format!("`{text}` is no origin: write https://HOST or https://HOST:PORT, in lower case")
        };
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (scheme, authority) = (uri.scheme_str(), uri.authority());
        let (Some(scheme @ ("https" | "http")), Some(authority)) = (scheme, authority) else {
            return Err(wrong());
        };
        // Browsers send it in exactly this form, without the port that is the scheme's own.
        let usual = matches!(
            (scheme, authority.port_u16()),
            ("https", Some(443)) | ("http", Some(80))
        );
        let exact = format!("{scheme}://{authority}");
        let plain = !exact.contains(['@', '*']) && exact.to_ascii_lowercase() == exact;
        if exact != text || usual || !plain {
            return Err(wrong());
        }
        HeaderValue::from_str(text)
            .map(Self::One)
            .map_err(|_| wrong())
    }
}

impl Origins {
    /// Whether every page may call.
    pub fn is_any(&self) -> bool {
        self.0.contains(&Origin::Any)
    }

    /// What answers browsers that ask; nothing when no page may call.
    pub(crate) fn layer(&self) -> Option<CorsLayer> {
        if self.0.is_empty() {
            return None;
        }
        let origin = if self.is_any() {
            AllowOrigin::any()
        } else {
            AllowOrigin::list(self.0.iter().filter_map(|origin| match origin {
                Origin::Any => None,
                Origin::One(origin) => Some(origin.clone()),
            }))
        };
        let layer = CorsLayer::new()
            .allow_origin(origin)
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                HeaderName::from_static("last-event-id"),
                HeaderName::from_static("x-api-key"),
                HeaderName::from_static("x-request-id"),
            ])
            .expose_headers([header::RETRY_AFTER, HeaderName::from_static("x-request-id")])
            .max_age(REMEMBER);
        Some(layer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exact_or_refused() {
        for good in [
            "https://console.example",
            "http://localhost:3000",
            "https://[::1]:8443",
            "*",
        ] {
            assert!(good.parse::<Origin>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "null",
            "console.example",
            "https://",
            "https://console.example/",
            "https://console.example/path",
            "https://console.example:443",
            "https://Console.example",
            "https://*.example",
            "https://user@console.example",
            "ftp://console.example",
            "https://console.example ",
        ] {
            let refused = bad.parse::<Origin>().unwrap_err();
            assert!(refused.contains("is no origin"), "{refused}");
        }
    }
}
