//! An authority that makes certificates for a test, and folders of them as NBD's programs want them.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};

use crate::common::Folder;

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    /// With a key of its own.
    pub fn new(name: &str) -> Self {
        let mut params = params(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Makes a server's folder `name`: path of it.
    pub fn server(&self, folder: &Folder, name: &str) -> String {
        let mut params = params("server", vec!["localhost".to_owned(), "127.0.0.1".to_owned()]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.hand_out(folder, name, "server", &params)
    }

    /// Makes a client's folder `name`, with a certificate of that number: path of it.
    pub fn client(&self, folder: &Folder, name: &str, number: u64) -> String {
        let mut params = params("client", Vec::new());
        params.serial_number = Some(SerialNumber::from(number));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.hand_out(folder, name, "client", &params)
    }

    /// Makes the folder `name` of a client that knows this authority, and has no certificate: path of it.
    pub fn stranger(&self, folder: &Folder, name: &str) -> String {
        let path = folder.path(name);
        std::fs::create_dir(&path).unwrap();
        folder.write(&format!("{name}/ca-cert.pem"), self.certificate.as_bytes());
        path
    }

    /// A list that revokes the certificate of that number, in PEM.
    pub fn revoke(&self, number: u64) -> String {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(number),
                revocation_time: date_time_ymd(2020, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    fn hand_out(&self, folder: &Folder, name: &str, role: &str, params: &CertificateParams) -> String {
        let path = self.stranger(folder, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        folder.write(&format!("{name}/{role}-cert.pem"), certificate.pem().as_bytes());
        folder.write(&format!("{name}/{role}-key.pem"), key.serialize_pem().as_bytes());
        path
    }
}

fn params(name: &str, hosts: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
