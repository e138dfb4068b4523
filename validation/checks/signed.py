"""The check that the files of a version are signed with OpenSSF Model Signing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import InvalidInput, NotFound, TooLarge
from core.text import english_list
from tracking.artifacts import folder_files, read_artifact
from validation.base import CheckResult, ParamsCheck, Progress, Subject
from validation.keyless import Identity, trusted_root, verify_keyless
from validation.model_signing import (
    differences,
    fingerprint,
    has_certificate,
    read_key,
    signed_statement,
    signer_of,
)
from validation.params import Param, texts

_LARGEST_SIGNATURE = 16 * 1024**2
_LISTED = 20


class Signed(ParamsCheck):
    """Verifies the signature file in the version's folder with the keys and identities that the policy names."""

    code = "model.signed"
    description = "The files are signed with OpenSSF Model Signing, all of them, with a key or by an identity that the policy names."
    params = (
        Param("keys", "names", "The public keys, each as PEM or as the base64 of its DER.", ()),
        Param(
            "identities",
            "identities",
            "The identities that may sign with Sigstore, without a key: `identity` is an e-mail address or a URI, `issuer`"
            " the address of the identity provider.",
            (),
        ),
        Param("file", "text", "The file of the signature in the folder of the version.", "model.sig"),
    )

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters with their defaults. Raises InvalidInput, also for a text that is not a public key."""
        parsed = super().parse(params)
        for key in texts(parsed, "keys"):
            read_key(key)
        if not parsed["keys"] and not parsed["identities"]:
            raise InvalidInput("keys or identities must be given")
        return parsed

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence. Raises InvalidInput for an invalid public key."""
        signers = [f"with the key {fingerprint(read_key(key))[:16]}" for key in texts(params, "keys")]
        signers += [f"by {each}" for each in _identities(params)]
        return f"All its files must be signed, in {params['file']}, {english_list(signers, 'or')}."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the folder and its registered digest."""
        return {"path": subject.artifact_path, "digest": subject.artifact_digest}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if one of the keys or identities signed exactly the files in the folder.

        Raises SigstoreUnavailable if an identity signed and this server cannot verify its signature.
        """
        name = str(params["file"])
        files = (
            [(path, sha256) for path, sha256, _ in folder_files(subject.artifact_path)] if subject.artifact_path else []
        )
        evidence: dict[str, object] = {"file": name, "files": len(files)}
        if name not in dict(files):
            summary = f"Not signed: the folder has no file {name}. Write it with model_signing sign."
            return CheckResult(passed=False, summary=summary, evidence=evidence)
        try:
            bundle = read_artifact(f"{subject.artifact_path}/{name}", _LARGEST_SIGNATURE)
            signer, facts, statement = _signer(bundle, params)
            wrong = differences(statement, files, name)
        except (InvalidInput, NotFound, TooLarge) as error:
            return CheckResult(passed=False, summary=f"Not signed: {error.message.rstrip('.')}.", evidence=evidence)
        evidence |= facts | {"differences": wrong[:_LISTED]}
        if wrong:
            more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
            summary = f"Signed, but not these files: {'; '.join(wrong[:_LISTED])}{more}."
            return CheckResult(passed=False, summary=summary, evidence=evidence)
        summary = f"{len(files) - 1} files, all signed {signer}."
        return CheckResult(passed=True, summary=summary, evidence=evidence)


def _signer(bundle: bytes, params: Mapping[str, object]) -> tuple[str, dict[str, object], Mapping[str, Any]]:
    """Return the signer as words after "signed", its evidence, and the signed statement.

    A key that the policy names counts, also in a bundle with a certificate. Raises InvalidInput, SigstoreUnavailable.
    """
    identities = _identities(params)
    try:
        key, statement = signer_of(bundle, [read_key(text) for text in texts(params, "keys")])
    except InvalidInput:
        if not identities or not has_certificate(bundle):
            raise
    else:
        return f"with the key {key[:16]}", {"key": key}, statement
    root = trusted_root()
    signer, kind, payload = verify_keyless(bundle, identities, root)
    facts: dict[str, object] = {"identity": signer.identity, "issuer": signer.issuer, "trusted_root": root.sha256}
    return f"by {signer}", facts, signed_statement(kind, payload)


def _identities(params: Mapping[str, object]) -> list[Identity]:
    """Return the identities of parsed parameters."""
    listed = params["identities"]
    items = listed if isinstance(listed, tuple | list) else ()
    return [Identity(str(item["identity"]), str(item["issuer"])) for item in items]
