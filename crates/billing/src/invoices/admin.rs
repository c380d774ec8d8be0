use accounts::doors::Routes;
pub fn routes() -> Routes {
    Routes::new()
}
