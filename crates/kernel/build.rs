//! Sets `KINDLING_CODE` to the hash of all code that this stage's results depend on.

fn main() {
    kindling_closure::emit();
}
