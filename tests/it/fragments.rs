//! Parts of pages, as scripts ask for them: the same template, the same rights, and nothing done twice.

use crate::house::{Answer, House, cookie, session_of};
use axum::body::Body;
use axum::http::{Method, Request, header};

async fn ask(house: &House, method: Method, path: &str, block: &str, fields: &str) -> Answer {
    let token = session_of("responder");
    let request = Request::builder().method(method).uri(path).header(header::COOKIE, cookie(&token));
    let body = format!("csrf={}&{fields}", token.csrf());
    house.send(request.header("x-fragment", block).body(Body::from(body)).expect("a request")).await
}

#[tokio::test]
async fn a_block_is_what_the_page_has_inside_its_frame() {
    let house = House::new(str::to_owned);
    for path in ["/dashboard", "/incidents", "/incidents/{incident}", "/on-call"] {
        let path = house.fill(path);
        let page = house.get("responder", &path).await;
        let part = ask(&house, Method::GET, &path, "main", "").await;
        assert_eq!((part.status.as_u16(), part.header("x-fragment")), (200, "main"), "{path}");
        assert!(!part.body.contains("<html") && !part.body.contains("Sign out"), "{path}: {}", part.body);
        for answer in [&page, &part] {
            assert!(answer.headers.get_all("vary").iter().any(|value| value == "X-Fragment"), "{path}");
        }
        let heading =
            |text: &str| text.split("<h1").nth(1).and_then(|rest| rest.split("</h1>").next()).map(str::to_owned);
        assert!(heading(&part.body).is_some() && heading(&part.body) == heading(&page.body), "{path}");
        // A block that nobody has is no reason to fail.
        assert!(ask(&house, Method::GET, &path, "nonsense", "").await.body.contains("<html"), "{path}");
    }
    let stranger = Request::get("/dashboard").header("x-fragment", "main").body(Body::empty()).expect("a request");
    assert!(house.send(stranger).await.asks_to_sign_in());
}

#[tokio::test]
async fn a_deed_by_script_answers_its_block_or_that_it_was_done() {
    let house = House::new(str::to_owned);
    let path = house.fill("/incidents/{incident}");
    let done = ask(&house, Method::POST, &format!("{path}/acknowledge"), "none", "").await;
    assert_eq!((done.status.as_u16(), done.body.as_str()), (204, ""));
    let part = ask(&house, Method::POST, &format!("{path}/note"), "main", "note=disk+replaced").await;
    assert_eq!((part.status.as_u16(), part.header("x-fragment")), (200, "main"));
    assert!(part.body.contains("disk replaced") && part.body.contains("has it"), "{}", part.body);
    assert!(!part.body.contains("<html"));
    let refused = ask(&house, Method::POST, &format!("{path}/note"), "main", "note=").await;
    assert_eq!((refused.status.as_u16(), refused.header("x-fragment")), (422, "main"));
    assert!(refused.body.contains("role=\"alert\""), "{}", refused.body);
}

/// A page that looks again by itself is nobody at the keyboard.
#[tokio::test]
async fn looking_again_keeps_no_session_alive() {
    let house = House::new(str::to_owned);
    let used = || {
        let kept = session_of("responder").kept(&house.web.settings.session_key);
        let found = house.app().read(|read| pagerpal::app::auth::session(read, kept)).expect("read");
        found.expect("it stands").0.used_at
    };
    let begun = used();
    house.clock.advance(3600);
    ask(&house, Method::GET, "/dashboard", "main", "").await;
    pagerpal::web::seen::write_down(&house.web).await;
    assert_eq!(used(), begun);
    house.get("responder", "/dashboard").await;
    pagerpal::web::seen::write_down(&house.web).await;
    assert!(used() > begun);
}
