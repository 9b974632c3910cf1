"""What the environment sets for this machine: what is external already, and how the rest is run."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from local.errors import UserError


class LocalSettings(BaseSettings):
    """Everything is optional: what is not set is embedded. An empty variable counts as not set."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: SecretStr | None = None
    nats_url: str | None = None
    nats_monitor_url: str | None = None
    s3_endpoint_url: str | None = None
    openai_base_url: str | None = None
    openai_api_key: SecretStr | None = None
    elevenlabs_base_url: str | None = None
    elevenlabs_api_key: SecretStr | None = None

    processes: bool = False
    """A process per service instead of one for all."""
    http_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """The API's port; without it 8080, or a free one."""
    storyloom_home: Path = Path(".storyloom")
    """Where the state is kept."""
    studio_voice: Literal["piper", "espeak"] = "piper"
    studio_latency: Literal["instant", "realistic"] = "instant"

    @property
    def has_openai(self) -> bool:
        """Whether a provider other than the studio writes and draws."""
        return self.openai_base_url is not None or self.openai_api_key is not None

    @property
    def has_elevenlabs(self) -> bool:
        """Whether a provider other than the studio reads aloud."""
        return self.elevenlabs_base_url is not None or self.elevenlabs_api_key is not None

    @property
    def needs_studio(self) -> bool:
        return not (self.has_openai and self.has_elevenlabs)


def load_settings() -> LocalSettings:
    """Read the environment. Raises UserError naming the variable that is wrong."""
    try:
        return LocalSettings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        raise UserError(f"{name} is wrong: {first['msg']}.") from error
