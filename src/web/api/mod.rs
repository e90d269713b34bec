//! Documents for programs, under `/api/v1`.

use crate::web::routes::RouteSpec;

pub fn routes() -> Vec<RouteSpec> {
    Vec::new()
}
