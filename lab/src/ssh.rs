//! The SSH door.

use crate::door::Visit;
use crate::gate::Gated;

pub(crate) async fn serve(visit: Visit, stream: Gated) {
    drop(visit);
    stream.refuse();
}
