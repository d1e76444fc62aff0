//! Errors as answers: `{"error": {"type", "message", "help"}}`, which OpenAI's clients read too.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use latlas::{Error, Kind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why there is no answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Problem {
    /// What went wrong.
    pub(crate) error: About,
}

/// What went wrong.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct About {
    /// The kind of error: "nothing", "usage", "data", "io", "busy", "denied", "size", "time".
    pub(crate) r#type: String,
    /// What went wrong, in one line.
    pub(crate) message: String,
    /// One thing to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

/// An error and the status it is answered with.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    kind: &'static str,
    error: Error,
}

/// What a route gives.
pub(crate) type Answer<T> = Result<T, Refusal>;

impl Refusal {
    pub(crate) fn new(status: StatusCode, kind: &'static str, error: Error) -> Self {
        Refusal { status, kind, error }
    }

    pub(crate) fn busy(what: &str) -> Self {
        let error = Error::usage(what).help("try again in a moment");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", error)
    }

    pub(crate) fn denied(status: StatusCode, error: Error) -> Self {
        Self::new(status, "denied", error)
    }

    pub(crate) fn late() -> Self {
        let error = Error::usage("this took too long").help("ask for less at once");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "time", error)
    }

    pub(crate) fn closing() -> Self {
        let error = Error::usage("the server is closing");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", error)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Error::usage(message).into()
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.error = self.error.help(help);
        self
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Nothing => Self::new(StatusCode::NOT_FOUND, "nothing", error),
            Kind::Usage | Kind::Data => {
                Self::new(StatusCode::BAD_REQUEST, error.kind().name(), error)
            }
            // Where the files lie is for whoever runs the server.
            kind => {
                tracing::error!(%error, "a request was not answered");
                let error = Error::new(kind, "the files of this space cannot be read or written")
                    .help("the server's own output says why");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, kind.name(), error)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal { status, kind, error } = self;
        let about = About {
            r#type: kind.to_owned(),
            message: error.message().to_owned(),
            help: error.way_out().map(str::to_owned),
        };
        let mut response = (status, Json(Problem { error: about })).into_response();
        let headers = response.headers_mut();
        if kind == "busy" {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
