//! Work in a task of its own. The task that reads and lands hands each statement of a batch to the database and waits for
//! it; a page whose rows are made in between is time by which the next statement comes later. Requests stay where they are: a
//! task begins when a thread takes it up, and resources would be asked in no order, which matters when credits are short.

/// Does what takes a processor a moment in a task of its own.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::spawn(async move { work() }).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Only a runtime that ends takes a task away from who waits for it, and ends that as well.
        Err(_) => std::future::pending().await,
    }
}
