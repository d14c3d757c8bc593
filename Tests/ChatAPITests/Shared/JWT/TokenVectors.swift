/// Tokens and keys of the RFCs, and others made once for these tests by another implementation.
enum TokenVectors {
    /// RFC 7515 A.1: HS256.
    static let a1 = """
        eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9\
        leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk
        """
    static let a1Key = """
        AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow
        """
    /// RFC 7515 A.2: RS256.
    static let a2 = """
        eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19\
        yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt\
        _O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb\
        1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI\
        8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw
        """
    /// RFC 7515 A.3: ES256.
    static let a3 = """
        eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19\
        yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU\
        1Q
        """
    static let a2JWK = """
        {"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPM\
        EzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5\
        rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-D\
        WNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}
        """
    static let a3JWK = """
        {"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue6\
        59LNpXW6pCyStikYjKIWI5a0"}
        """
    static let a2PEM = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
        NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
        P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo
        9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB
        EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX
        FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp
        oQIDAQAB
        -----END PUBLIC KEY-----

        """
    static let a3PEM = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
        6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
        -----END PUBLIC KEY-----

        """
    /// RFC 7520 §4.1: RS256 over a text that is no JSON.
    static let cookbook41 = """
        eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ\
        1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24\
        ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRj\
        dkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wn\
        B-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadn\
        HXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ\
        41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg
        """
    /// RFC 7520 §4.4: HS256.
    static let cookbook44 = """
        eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.SXTigJlzIGEgZGFuZ2V\
        yb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHl\
        vdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB\
        0by4.s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0
        """
    static let cookbookRSA = """
        {"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZL\
        wUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzc\
        Ee6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZC\
        uEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqg\
        c5gHdrNP5zw","e":"AQAB"}
        """
    static let cookbookOct = "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"
    /// Of a key made for these tests: sub ann, iss joe, aud [chat], iat 1700000000, exp 1700003600.5.
    static let rsToken = """
        eyJhbGciOiJSUzI1NiIsImtpZCI6InIxIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbm4iLCJpc3MiOiJqb2UiLCJhdWQiOlsiY2hh\
        dCJdLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMC41fQ.TOh6M5KuptP28pmLsoMnsV8zYboKRBwLF_b5KUFMwOCIu\
        t7_CSqsfSzifiT4mmtAFHD2UEoYkamBKewk8MzBqXIX5voTQrsh_HLHHgHxq4UsjndPi02ZA_bLER7zcSY2cYGwvS0tt4S-IRBot\
        Fytps23giGU715IIWzB1BEFqFkmq1mmcZ3NnkJcLZha1kqGIzRj7BmBAaVZXWMeRn-JoItZcGhXK0sfVJ9clPae9VOxzRFlG5BCT\
        lCzWWjPjeuueSw8UTaKsbZWKhq05QgNo9lCjst-wqKwfQ3lqAKy_rqnyRYA3i9TB2wzgaNyJOY-_vYWGsYWk7joAETdTzpi8w
        """
    static let esToken = """
        eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbm4iLCJpc3MiOiJqb2UiLCJhdWQiOlsiY2hh\
        dCJdLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMC41fQ.cvrgRqzmoZVrU1PAC-DZ_tLDfSVLQeIYpOKNLAAAhj3sT\
        U83OfhjkaLIeg9wcKL0qW-_Dv9A-loWZoPqaWVCBg
        """
    static let rsTokenNoKid = """
        eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbm4iLCJpc3MiOiJqb2UiLCJhdWQiOlsiY2hhdCJdLCJpYXQiOjE\
        3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMC41fQ.H9e98xiJFCiLT1Xn1TeQ7-wEPA-pMKnnuPn-BsQbPjl14Yozk4u0b67GB-hg\
        rduilfFHwouQxYmDaRU0TstSghr8ZrwpEtRRAC9_rr7UmrVJCrdX4GBWWo7qnPxRbmLS5L9TPT7agSdSlEfUfB0VBTzpgX3bDLLf\
        _uwqyEuvLjcGTIdA1y9a6iLtK_sHZyOFX7X4EQlAB8yDgbvJfg4ggy6Z4dSU_H8_VtMlIZPa21itgb7JP3X3_pV0rl4ej1duyaEV\
        szbc6fjtItV7awtGTSraBPOQPLCIvQQgPejJtSsZRoMoTIy40jH8M5TYJoCLRoJrYTh2s5l3UFvvBHIaIg
        """
    static let rsPEM = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAppWvDgqNLRvK0XRdG7gk
        ++RXmuJjkhaGZgiwNiFbxw1j/PAf4Zu6FHDz0wLRIIErF3AqoWzvIBOaWzhonG3t
        3Y4fdaMZbMKhxBBfbsVH1vi4PStEP2mQDMAJ7Yv3ARO/YXMfn1agKUtUcL42fMEV
        SZNYJZPb0IqgEQUkgiEYhO+Y1JRBOfDHchvre0tdz4LX2ziIViW6/fEnyp6dOFhK
        jo6FwLhGKYfKZTwit0KcaSIWT9JMrfGJsta+4Db6MaAfktBT+lcJ6m3RMC/BTLvW
        YRW8WX5Mn62jJ4M8ZTdalxmfKpV5R3MuNzfrc0vRYJUDgWKCBS3IXt3bDHFIxynx
        zQIDAQAB
        -----END PUBLIC KEY-----

        """
    static let esPEM = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAES9+vxVgwTTjahBnt6xAXlLBwDCDC
        +WmD2GW+8PWV5GB66xOkcXMqS8LNsPb2N4wqWEGhBCK3+/hhArAlcIujIg==
        -----END PUBLIC KEY-----

        """
    static let rsCert = """
        -----BEGIN CERTIFICATE-----
        MIIClzCCAX+gAwIBAgIBATANBgkqhkiG9w0BAQsFADAPMQ0wCwYDVQQDDAR0ZXN0
        MB4XDTI2MDEwMTAwMDAwMFoXDTI3MDEwMTAwMDAwMFowDzENMAsGA1UEAwwEdGVz
        dDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAKaVrw4KjS0bytF0XRu4
        JPvkV5riY5IWhmYIsDYhW8cNY/zwH+GbuhRw89MC0SCBKxdwKqFs7yATmls4aJxt
        7d2OH3WjGWzCocQQX27FR9b4uD0rRD9pkAzACe2L9wETv2FzH59WoClLVHC+NnzB
        FUmTWCWT29CKoBEFJIIhGITvmNSUQTnwx3Ib63tLXc+C19s4iFYluv3xJ8qenThY
        So6OhcC4RimHymU8IrdCnGkiFk/STK3xibLWvuA2+jGgH5LQU/pXCept0TAvwUy7
        1mEVvFl+TJ+toyeDPGU3WpcZnyqVeUdzLjc363NL0WCVA4FiggUtyF7d2wxxSMcp
        8c0CAwEAATANBgkqhkiG9w0BAQsFAAOCAQEAB4WbRCCqDxV3vwM1OD4R7GhcWmbe
        1XQeOjawISDLq/R1gehJ77NcaWbbx/aNZBf+ZiQCm252K5GWuUat6kl7jATlGCG5
        1fIgx2bTPWIYVXiN8DMuLHGUeYiG1UwW7/8mSwPbuWL0sKBaYg/AIhf1l/vmRxX3
        bvlPffGia/JwvprcgD7iQ/a71jJZjcRQnzj1/CnT30Bb1StbckaLyVcDYsbNXtqJ
        oc7ngSScNcnKhm+1G5jWBvny6CLZMrKKiZSpKVefs1/oDhZUzcJWWjRhLvjgldY7
        Owj3rTSPd3v5pPB2x4gpb8m7ZojDnpE1APE7BCluAo9T1NW72aBHBV4llg==
        -----END CERTIFICATE-----

        """
    static let esCert = """
        -----BEGIN CERTIFICATE-----
        MIIBCTCBsaADAgECAgEBMAoGCCqGSM49BAMCMA8xDTALBgNVBAMMBHRlc3QwHhcN
        MjYwMTAxMDAwMDAwWhcNMjcwMTAxMDAwMDAwWjAPMQ0wCwYDVQQDDAR0ZXN0MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAES9+vxVgwTTjahBnt6xAXlLBwDCDC+WmD
        2GW+8PWV5GB66xOkcXMqS8LNsPb2N4wqWEGhBCK3+/hhArAlcIujIjAKBggqhkjO
        PQQDAgNHADBEAiB44ytVVAgDL3lerFmmNPEQphCfUKxXMnl5CTMOK230fwIgPjbm
        MBBwljfKQvJjbxaDf4rNFyAaBMY9jvC7NzuHzTI=
        -----END CERTIFICATE-----

        """
    static let rsShortPEM = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDDDoxhwdSIIlmq/NPdW9CMK5my
        XAqLCZLmWe48Fn9ieYgPZZD4XRNGDAigkEvpQ19NfmjlT6hYLWtyCom5JR3ePtkM
        vhun/2gQFgmqKN2X9aS6rQYnhlC97varTSSdEdmm0TkDFHAVeZ22J3WLP4cOzsJH
        M6IKzPxGZbNR5XBA0QIDAQAB
        -----END PUBLIC KEY-----

        """
    static let p384PEM = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEH6Bfy1BunohszLmMkb/qoVd7KMREvx2q
        60jvSC13nPWWTF4q/Jm7ctKXJvXTQgr6wr9/ph5474qyvRRFGapdgtH03sqfxWqZ
        f/SHfYRcgwUehw2GHYNQrZtV1I46FFAF
        -----END PUBLIC KEY-----

        """
    static let rsJWK = """
        {"e":"AQAB","kid":"r1","kty":"RSA","n":"ppWvDgqNLRvK0XRdG7gk--RXmuJjkhaGZgiwNiFbxw1j_PAf4Zu6FHDz0wLR\
        IIErF3AqoWzvIBOaWzhonG3t3Y4fdaMZbMKhxBBfbsVH1vi4PStEP2mQDMAJ7Yv3ARO_YXMfn1agKUtUcL42fMEVSZNYJZPb0Iqg\
        EQUkgiEYhO-Y1JRBOfDHchvre0tdz4LX2ziIViW6_fEnyp6dOFhKjo6FwLhGKYfKZTwit0KcaSIWT9JMrfGJsta-4Db6MaAfktBT\
        -lcJ6m3RMC_BTLvWYRW8WX5Mn62jJ4M8ZTdalxmfKpV5R3MuNzfrc0vRYJUDgWKCBS3IXt3bDHFIxynxzQ"}
        """
    static let esJWK = """
        {"crv":"P-256","kid":"e1","kty":"EC","x":"S9-vxVgwTTjahBnt6xAXlLBwDCDC-WmD2GW-8PWV5GA","y":"eusTpHFz\
        KkvCzbD29jeMKlhBoQQit_v4YQKwJXCLoyI"}
        """
    /// HS256 with the text of rsPEM as its secret.
    static let confusedToken = """
        eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiAiYW5uIiwgImlzcyI6ICJqb2UiLCAiYXVkIjogWyJjaGF0Il0sICJ\
        pYXQiOiAxNzAwMDAwMDAwLCAiZXhwIjogMTcwMDAwMzYwMC41fQ.T89qLtNFJfzK7lWZewVv6_mmSzfg_JtaNlTictxWrYA
        """
    /// The signature of esToken in DER.
    static let esDERToken = """
        eyJhbGciOiJFUzI1NiIsImtpZCI6ImUxIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhbm4iLCJpc3MiOiJqb2UiLCJhdWQiOlsiY2hh\
        dCJdLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMzYwMC41fQ.MEUCIHL64Eas5qGVa1NTwAvg2f7Sw30lS0HiGKTijSwAA\
        IY9AiEA7E1PNzn4Y5GiyHoPcHCi9Klvvw7_QPpaFmaD6mllQgY
        """
    /// RS256 in name, RSASSA-PSS in fact.
    static let pssToken = """
        eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiAiYW5uIiwgImlzcyI6ICJqb2UiLCAiYXVkIjogWyJjaGF0Il0sICJpYXQiOiAxNzAwMDA\
        wMDAwLCAiZXhwIjogMTcwMDAwMzYwMC41fQ.EJGpzFr-73APsTc5Qv6Xf2tI7HSwBQqRFIMqb_TANxbTThNxptOSN-0kL56UouPI\
        TC-dVXeF5jLUbViIoGZv4UkWljXwTIRqIsX9Ri7q3wGePIyi2Znb9HbWGsoIytylT6bO3E1nU0hF-yc1lq-sI8akmtmBUC05fRRG\
        luZsmXUO8IFNpyTxHwA7n8tP6i_-k98w30MoQggiSxjhHpvafmpxRFtEz-X38F20MeLPF2z4MyDw3ev6wHvV1R5inzHCEnu-lGCw\
        IEoufI8hzImNU_xr7U8AwqJrDx-7b2JJs9X3OYcADUqC3mguIdPni5G5XwH1L-92YXRTXUPMrDpHwQ
        """
}
