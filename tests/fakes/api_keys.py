"""8x8's API key in memory."""

from dataclasses import dataclass, field

from sms_bridge.storage.secret import SecretSource


@dataclass
class RotatingKeys(SecretSource):
    """Keys as a secret would give them: the first, and after a refusal the newest."""

    key: str = "key-1"
    newest: str = "key-1"
    refused: list[str] = field(default_factory=list)

    def api_key(self, refused: str | None = None) -> str:
        if refused is None:
            return self.key
        self.refused.append(refused)
        return self.newest
