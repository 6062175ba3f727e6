"""What every section of the config is made of: closed, frozen models and the commonest types of values."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$")]


class Settings(BaseModel):
    """Closed and frozen: a typo is an error, and nobody changes a setting at run time."""

    model_config = ConfigDict(extra="forbid", frozen=True)
