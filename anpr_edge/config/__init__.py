"""A unit's configuration: one TOML file, checked whole before anything starts."""

from anpr_edge.config.load import Inspection, inspect_config, load_config
from anpr_edge.config.model import (
    Broker,
    Camera,
    Config,
    ExposureSettings,
    Feed,
    Gps,
    IlluminatorSettings,
    Log,
    Models,
    OutboxSettings,
    PolicySettings,
    Reading,
    Site,
    Synthetic,
    Unit,
    ViewSettings,
)
from anpr_edge.config.places import example_text, find_models_directory
from anpr_edge.config.problems import Problem

__all__ = [
    "Broker",
    "Camera",
    "Config",
    "ExposureSettings",
    "Feed",
    "Gps",
    "IlluminatorSettings",
    "Inspection",
    "Log",
    "Models",
    "OutboxSettings",
    "PolicySettings",
    "Problem",
    "Reading",
    "Site",
    "Synthetic",
    "Unit",
    "ViewSettings",
    "example_text",
    "find_models_directory",
    "inspect_config",
    "load_config",
]
