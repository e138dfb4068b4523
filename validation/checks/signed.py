"""The check that the files of a version are signed with OpenSSF Model Signing."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import InvalidInput, NotFound, TooLarge
from core.text import english_list
from tracking.artifacts import folder_files, read_artifact
from validation.base import CheckResult, ParamsCheck, Progress, Subject
from validation.model_signing import differences, fingerprint, read_key, signer_of
from validation.params import Param, texts

_LARGEST_SIGNATURE = 16 * 1024**2
_LISTED = 20


class Signed(ParamsCheck):
    """Verifies the signature file in the version's folder with the keys that the policy names."""

    code = "model.signed"
    description = "The files are signed with OpenSSF Model Signing, all of them, with a key that the policy names."
    params = (
        Param("keys", "names", "The public keys, each as PEM or as the base64 of its DER.", required=True),
        Param("file", "text", "The file of the signature in the folder of the version.", "model.sig"),
    )

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters with their defaults. Raises InvalidInput, also for a text that is not a public key."""
        parsed = super().parse(params)
        for key in texts(parsed, "keys"):
            read_key(key)
        return parsed

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the requirement on a version, as a sentence. Raises InvalidInput for an invalid public key."""
        names = [fingerprint(read_key(key))[:16] for key in texts(params, "keys")]
        return f"All its files must be signed, in {params['file']}, with the key {english_list(names, 'or')}."

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the folder and its registered digest."""
        return {"path": subject.artifact_path, "digest": subject.artifact_digest}

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return a pass if one of the keys signed exactly the files in the folder."""
        name = str(params["file"])
        files = (
            [(path, sha256) for path, sha256, _ in folder_files(subject.artifact_path)] if subject.artifact_path else []
        )
        evidence: dict[str, object] = {"file": name, "files": len(files)}
        if name not in dict(files):
            summary = f"Not signed: the folder has no file {name}. Write it with model_signing sign key."
            return CheckResult(passed=False, summary=summary, evidence=evidence)
        try:
            bundle = read_artifact(f"{subject.artifact_path}/{name}", _LARGEST_SIGNATURE)
            signer, statement = signer_of(bundle, [read_key(key) for key in texts(params, "keys")])
            wrong = differences(statement, files, name)
        except (InvalidInput, NotFound, TooLarge) as error:
            return CheckResult(passed=False, summary=f"Not signed: {error.message.rstrip('.')}.", evidence=evidence)
        evidence |= {"key": signer, "differences": wrong[:_LISTED]}
        if wrong:
            more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
            summary = f"Signed, but not these files: {'; '.join(wrong[:_LISTED])}{more}."
            return CheckResult(passed=False, summary=summary, evidence=evidence)
        summary = f"{len(files) - 1} files, all signed with the key {signer[:16]}."
        return CheckResult(passed=True, summary=summary, evidence=evidence)
