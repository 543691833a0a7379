"""Settings: where the data are and how far the crawler may go.

One place decides, in this order: a command's global options, the environment (`HEXAPOLIS_DATA`,
`HEXAPOLIS_DB`, …),
`hexapolis.toml` (the file named with `--config`, else the one in the current folder), the defaults below.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hexapolis import __version__
from hexapolis.errors import ConfigError

DEFAULT_FILE = Path("hexapolis.toml")


class Settings(BaseSettings):
    """All settings; every field is documented in `docs/configuration.md`."""

    model_config = SettingsConfigDict(env_prefix="HEXAPOLIS_", extra="forbid", frozen=True)

    data: Path = Field(Path("data"), description="folder of the database, the archive and the models")
    db: str = Field("", description="database address; default: SQLite in the data folder")
    catalogue: Path | None = Field(None, description="source catalogue; default: the bundled one")
    contact: str = Field(
        "", description="how site owners reach you: an address or a page, sent in the user agent"
    )
    # NoDecode: the environment has a plain list with commas, not JSON.
    allow_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="private hosts (host or host:port) that may be crawled"
    )
    workers: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1), ge=1, le=64, description="extraction processes"
    )
    page_bytes: int = Field(2_000_000, ge=1_000, description="largest page that is extracted, in bytes")
    page_seconds: float = Field(10.0, gt=0, description="longest time that one page may take, in seconds")
    download_bytes: int = Field(20_000_000, ge=1_000, description="largest body that is downloaded, in bytes")
    download_seconds: float = Field(
        60.0, gt=0, description="longest time that one download may take, in seconds"
    )
    crawl_seconds: float = Field(
        3_600.0, gt=0, description="time limit of a scheduled crawl of one source, in seconds"
    )
    concurrent_crawls: int = Field(2, ge=1, le=32, description="scheduled crawls that may run at once")

    @field_validator("allow_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return tuple(h.strip() for h in value.split(",") if h.strip()) if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options first, then the environment, then the file."""
        toml = TomlConfigSettingsSource(settings_cls, toml_file=settings_cls.model_config.get("toml_file"))
        return (init_settings, env_settings, toml)

    @property
    def database_url(self) -> str:
        """The database's address as SQLAlchemy understands it."""
        return self.db or f"sqlite:///{(self.data / 'hexapolis.db').as_posix()}"

    @property
    def archive(self) -> Path:
        """Folder of the WARC files."""
        return self.data / "archive"

    @property
    def models(self) -> Path:
        """Folder of the trained models."""
        return self.data / "models"

    @property
    def user_agent(self) -> str:
        """What the crawler calls itself, in requests and to robots.txt."""
        contact = f"; {self.contact}" if self.contact else ""
        return f"Hexapolis/{__version__} (policy research{contact})"


def load_settings(config: Path | None = None, **options: Any) -> Settings:
    """Read the settings.

    Args:
        config: the file named by the user; `None` looks for `hexapolis.toml` in the current folder.
        options: values from the command line; `None` means not given.

    Raises:
        ConfigError: a missing or broken file, an unknown name, or a value that does not fit; one line.
    """
    if config is not None and not config.is_file():
        raise ConfigError(f"{config}: no such configuration file")
    path = config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    given = {name: value for name, value in options.items() if value is not None}

    class FileSettings(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        return FileSettings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        where = f"{path}: " if path else ""
        if name in given:
            where = "option: "
        elif (variable := f"HEXAPOLIS_{name.upper()}") in os.environ:
            where = f"environment variable {variable}: "
        reason = "unknown setting" if first["type"] == "extra_forbidden" else first["msg"]
        raise ConfigError(f"{where}setting {name!r}: {reason}") from error
    except ValueError as error:  # TOML syntax, or an environment value that is not JSON
        raise ConfigError(f"{path or 'environment'}: {error}") from error
