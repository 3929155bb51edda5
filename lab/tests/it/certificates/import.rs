//! Certificates and keys from files that a certification authority made.

use std::fmt::Write as _;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::symm::Cipher;
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
};
use openssl::x509::{X509, X509NameBuilder};
use routeros::row::Row;
use rustls::pki_types::CertificateDer;
use tod_lab::Device;

use super::{complaint, shown};
use crate::harness::{Client, one, spec};
use crate::strangers::openssh::sftp;

/// Files such as a certification authority hands out, all for the same device.
struct Issued {
    root: X509,
    middle: X509,
    leaf: X509,
    key: PKey<Private>,
}

fn certificate(name: &str, key: &PKey<Private>, above: Option<(&X509, &PKey<Private>)>) -> X509 {
    let mut names = X509NameBuilder::new().unwrap();
    names
        .append_entry_by_nid(Nid::ORGANIZATIONNAME, "Acme")
        .unwrap();
    names.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let names = names.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(100, MsbOption::ONE, false).unwrap();
    builder
        .set_serial_number(&serial.to_asn1_integer().unwrap())
        .unwrap();
    builder.set_subject_name(&names).unwrap();
    let issuer = above.map_or(&*names, |(a, _)| a.subject_name());
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    builder
        .set_not_before(&Asn1Time::days_from_now(0).unwrap())
        .unwrap();
    builder
        .set_not_after(&Asn1Time::days_from_now(90).unwrap())
        .unwrap();
    if name == "r1" {
        let mut names = SubjectAlternativeName::new();
        names.ip("127.20.0.7").dns("r1");
        let names = names.build(&builder.x509v3_context(None, None));
        builder.append_extension(names.unwrap()).unwrap();
        let usage = ExtendedKeyUsage::new().server_auth().build().unwrap();
        builder.append_extension(usage).unwrap();
    } else {
        builder
            .append_extension(BasicConstraints::new().critical().ca().build().unwrap())
            .unwrap();
        builder
            .append_extension(KeyUsage::new().key_cert_sign().crl_sign().build().unwrap())
            .unwrap();
    }
    let signer = above.map_or(key, |(_, k)| k);
    builder.sign(signer, MessageDigest::sha256()).unwrap();
    builder.build()
}

fn issued() -> Issued {
    let rsa = || PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let (root_key, middle_key) = (rsa(), rsa());
    let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let root = certificate("root", &root_key, None);
    let middle = certificate("middle", &middle_key, Some((&root, &root_key)));
    let leaf = certificate("r1", &key, Some((&middle, &middle_key)));
    Issued {
        root,
        middle,
        leaf,
        key,
    }
}

/// Brings files to the device by SFTP.
async fn upload(device: &Device, files: &[(&str, Vec<u8>)]) {
    let folder = tempfile::tempdir().unwrap();
    let mut batch = String::new();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        writeln!(batch, "put {} {name}", path.display()).unwrap();
    }
    let output = sftp(device, &batch).await;
    assert!(output.status.success(), "{output:?}");
}

/// Imports a file and returns what was counted: certificates, keys, failures, orphans.
async fn import(device: &Device, words: &[&str]) -> [String; 4] {
    let mut client = Client::log_in(device).await;
    let answer = client.run("/certificate/import", words).await.ok();
    let row = &answer.rows[0];
    [
        "certificates-imported",
        "private-keys-imported",
        "decryption-failures",
        "keys-with-no-certificate",
    ]
    .map(|name| row.text(name).unwrap().into_owned())
}

fn row(device: &Device, name: &str) -> Row {
    let rows = device.rows("/certificate");
    let mut rows = rows.into_iter();
    rows.find(|r| r.text("name").as_deref() == Some(name))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_certificates_with_their_keys_are_what_the_service_shows() {
    let ca = issued();
    let sealed = |passphrase: &[u8]| {
        let cipher = Cipher::aes_256_cbc();
        ca.key
            .private_key_to_pem_pkcs8_passphrase(cipher, passphrase)
            .unwrap()
    };
    let both = [ca.leaf.to_pem().unwrap(), ca.middle.to_pem().unwrap()].concat();
    for version in ["6.49.18", "7.20.8"] {
        let (_lab, device) = one(spec().version(version)).await;
        let files = [("r1.crt", both.clone()), ("r1.key", sealed(b"sesame"))];
        upload(&device, &files).await;

        let counts = import(&device, &["file-name=r1.crt", "passphrase="]).await;
        assert_eq!(counts, ["2", "0", "0", "0"]);
        let wrong = import(&device, &["file-name=r1.key", "passphrase=x"]).await;
        assert_eq!(wrong, ["0", "0", "1", "0"]);
        let right = import(&device, &["file-name=r1.key", "passphrase=sesame"]).await;
        assert_eq!(right, ["0", "1", "0", "0"]);
        let again = import(&device, &["file-name=r1.crt", "passphrase="]).await;
        assert_eq!(again, ["0", "0", "0", "0"], "it is there already");

        let leaf = row(&device, "r1.crt_0");
        let text = |name: &str| leaf.text(name).unwrap_or_default().into_owned();
        assert_eq!(text("common-name"), "r1");
        assert_eq!(text("private-key"), "true");
        assert_eq!(
            (text("key-type"), text("key-size")),
            ("ec".into(), "prime256v1".into())
        );
        assert_eq!(text("issuer"), "O=Acme,CN=middle");
        assert_eq!(text("subject-alt-name"), "IP:127.20.0.7,DNS:r1");
        assert_eq!(
            (text("key-usage"), text("days-valid")),
            ("tls-server".into(), "90".into())
        );
        assert_eq!(text("expired"), "false");
        let fingerprint = ca.leaf.digest(MessageDigest::sha256()).unwrap();
        assert_eq!(text("fingerprint"), hex::encode(fingerprint));
        assert_eq!(row(&device, "r1.crt_1").text("authority").unwrap(), "true");
        let everything = format!("{:?}", device.rows("/certificate"));
        assert!(!everything.contains("BEGIN"), "{everything}");

        device
            .run("/ip service set api-ssl certificate=r1.crt_0")
            .await
            .unwrap();
        let leaf = CertificateDer::from(ca.leaf.to_der().unwrap());
        assert_eq!(shown(&device).await, leaf);
        let root = CertificateDer::from(ca.root.to_der().unwrap());
        assert_eq!(
            complaint(&device, root).await,
            None,
            "the middle one is shown along"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pkcs12_opens_with_its_passphrase_and_keys_find_their_certificates() {
    let ca = issued();
    let mut chain = Stack::new().unwrap();
    chain.push(ca.middle.clone()).unwrap();
    let mut bag = Pkcs12::builder();
    bag.name("r1").pkey(&ca.key).cert(&ca.leaf).ca(chain);
    let bag = bag.build2("sesame").unwrap().to_der().unwrap();
    let stranger = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let (_lab, device) = one(spec()).await;
    let files = [
        ("r1.p12", bag),
        ("stranger.key", stranger.private_key_to_pem_pkcs8().unwrap()),
        ("r1.der", ca.root.to_der().unwrap()),
        ("noise.bin", vec![0x30, 0x82, 0xFF, 0xFF, 0, 1]),
    ];
    upload(&device, &files).await;

    let wrong = import(&device, &["file-name=r1.p12", "passphrase=wrong"]).await;
    assert_eq!(wrong, ["0", "0", "1", "0"]);
    let right = import(
        &device,
        &["file-name=r1.p12", "passphrase=sesame", "name=web"],
    )
    .await;
    assert_eq!(right, ["2", "1", "0", "0"]);
    let orphan = import(&device, &["file-name=stranger.key"]).await;
    assert_eq!(orphan, ["0", "0", "0", "1"]);
    assert_eq!(
        import(&device, &["file-name=r1.der"]).await,
        ["1", "0", "0", "0"]
    );
    assert_eq!(
        import(&device, &["file-name=noise.bin"]).await,
        ["0", "0", "0", "0"]
    );
    let mut client = Client::log_in(&device).await;
    let missing = client
        .run("/certificate/import", &["file-name=nothing"])
        .await;
    assert_eq!(
        missing.trap.as_deref(),
        Some("failure: file does not exist")
    );

    device
        .run("/ip service set api-ssl certificate=web")
        .await
        .unwrap();
    let leaf = CertificateDer::from(ca.leaf.to_der().unwrap());
    assert_eq!(shown(&device).await, leaf);
    // Without its key, a certificate is no use to a service.
    device
        .run("/ip service set api-ssl certificate=r1.der_0")
        .await
        .unwrap();
    let root = CertificateDer::from(ca.root.to_der().unwrap());
    assert!(complaint(&device, root).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_runs_out_with_the_clock() {
    let ca = issued();
    let (lab, device) = one(spec()).await;
    upload(&device, &[("r1.crt", ca.leaf.to_pem().unwrap())]).await;
    import(&device, &["file-name=r1.crt", "name=web"]).await;
    assert!(row(&device, "web").raw("expires-after").is_some());

    lab.advance(std::time::Duration::from_hours(91 * 24));

    let web = row(&device, "web");
    assert_eq!(web.text("expired").unwrap(), "true");
    assert_eq!(web.raw("expires-after"), None);
}
