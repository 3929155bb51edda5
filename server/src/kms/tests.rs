//! What is sealed, and where it opens.

use super::*;

const HERE: Place = Place {
    table: "devices",
    column: "password",
    row: Uuid::nil(),
};

fn kms(byte: u8) -> Kms {
    let keys = Keys::Local(MasterKey::from_bytes([byte; 32]));
    Kms::new(keys, Clock::system()).unwrap()
}

#[test]
fn a_value_opens_in_its_place_with_its_key_only() {
    let sealed = kms(1).seal_platform(HERE, b"secret").unwrap();

    assert_eq!(
        kms(1).open_platform(HERE, &sealed).unwrap().as_slice(),
        b"secret"
    );
    let elsewhere = Place {
        row: Uuid::max(),
        ..HERE
    };
    let shut = Err(KmsError::Shut);
    assert_eq!(kms(1).open_platform(elsewhere, &sealed), shut);
    assert_eq!(kms(2).open_platform(HERE, &sealed), shut);
    assert!(!sealed.windows(6).any(|window| window == b"secret"));
}

#[test]
fn no_bit_of_a_sealed_value_can_be_changed() {
    let sealed = kms(1).seal_platform(HERE, b"secret").unwrap();
    let shut = Err(KmsError::Shut);

    for at in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[at] ^= 1;
        // The number of the data key only says which key to look for.
        if !(1..5).contains(&at) {
            assert_eq!(kms(1).open_platform(HERE, &bent), shut, "byte {at}");
        }
    }
    assert_eq!(kms(1).open_platform(HERE, b""), shut);
    let head = &sealed[..envelope::HEAD];
    assert_eq!(kms(1).open_platform(HERE, head), shut);
}

#[test]
fn the_same_text_never_seals_to_the_same_bytes() {
    let kms = kms(1);

    assert_ne!(kms.seal_platform(HERE, b"x"), kms.seal_platform(HERE, b"x"));
}

#[tokio::test]
async fn a_data_key_opens_for_its_tenant_and_number_only() {
    let wrapping = Wrapping::local(&MasterKey::from_bytes([1; 32])).unwrap();
    let (mine, other) = (TenantId::generate(), TenantId::generate());
    let wrapped = wrapping.wrap(mine, 1, &[7; KEY]).await.unwrap();

    let opened = wrapping.unwrap(mine, 1, &wrapped).await.unwrap();
    assert_eq!(*opened, [7; KEY]);
    let shut = Some(KmsError::Shut);
    assert_eq!(wrapping.unwrap(mine, 2, &wrapped).await.err(), shut);
    assert_eq!(wrapping.unwrap(other, 1, &wrapped).await.err(), shut);
    let foreign = b"vault:v1:QUJD";
    assert_eq!(wrapping.unwrap(mine, 1, foreign).await.err(), shut);
}
