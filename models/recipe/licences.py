"""Under what terms each source of training pictures is, as its repository states them."""

from __future__ import annotations

from typing import Final

LICENCES: Final = {
    "robertlucian": "MIT",
    "openimages_plates": "CC BY 2.0 (pictures), CC BY 4.0 (labels)",
    "kslat3r_uk": "MIT",
    "openalpr_us": "AGPL-3.0 (repository)",
    "openalpr_br": "AGPL-3.0 (repository)",
    "openalpr_us_crops": "AGPL-3.0 (repository)",
    "openalpr_eu_crops": "AGPL-3.0 (repository)",
    "openalpr_eu2_twoline_crops": "AGPL-3.0 (repository)",
    "cnn_ocr_lp_ar": "MIT",
    "openalpr_neg": "AGPL-3.0 (repository)",
    "opensfm": "BSD-2-Clause (repository)",
    "udacity_carnd": "MIT",
    "intel_sample_videos": "CC BY 4.0",
    "pvdn": "CC0",
    "sgblur": "MIT",
}
