{
 "algorithm": "ed25519",
 "public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
 "schema_version": 1,
 "sha256": "16c532112f9bad6d4cd2a66e47639d313597d3a4f20305830e3f43ec0b534e8b",
 "signature": "MLBlYUhR5lb4+g4xh4+/6e9GZqD6XtpRx2MBB1V1+4HkrQQGBaWHGhBcZ9H9Fggh1ZXS3DWo6kHuvf+9Rf2rBQ=="
}
