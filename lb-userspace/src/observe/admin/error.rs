// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors as answers.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::datapath::DatapathError;
use crate::observe::api::ErrorBody;
use crate::observe::observer::{WishError, chain};
use crate::observe::target::TargetError;
use crate::reconcile::driver::PlanError;

/// A request that was not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status: 4xx when the request is at fault.
    pub status: StatusCode,
    /// What the answer says.
    pub body: ErrorBody,
}

impl ApiError {
    /// An error with what to do about it.
    pub fn new(status: StatusCode, error: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { status, body: ErrorBody { error: error.into(), fix: fix.into() } }
    }

    pub(super) fn internal(error: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error, "see the log of lbd")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl From<DatapathError> for ApiError {
    fn from(error: DatapathError) -> Self {
        Self::internal(chain(&error))
    }
}

impl From<PlanError> for ApiError {
    fn from(error: PlanError) -> Self {
        Self::internal(chain(&error))
    }
}

impl From<WishError> for ApiError {
    fn from(error: WishError) -> Self {
        let text = error.to_string();
        match error {
            WishError::Target(target @ TargetError::Unknown { .. }) => {
                Self::new(StatusCode::NOT_FOUND, text, target.fix())
            }
            WishError::Target(target @ TargetError::Ambiguous { .. }) => {
                Self::new(StatusCode::CONFLICT, text, target.fix())
            }
            WishError::Drains(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                text,
                "make room in the state directory, or make it writable",
            ),
            WishError::Datapath(error) => error.into(),
            WishError::Log(_) => Self::internal(text),
            WishError::NoDatapathLog => {
                Self::new(StatusCode::CONFLICT, text, "build lbd in the dev profile to have one")
            }
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text(), "send the JSON body that the API describes")
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(
            rejection.status(),
            rejection.body_text(),
            "allowed are limit, client, vip, backend and state",
        )
    }
}
