"""Did a change help? The step that it makes in weekly values beside those of the untouched, and what may be said of it.

`step` fits, `scales` says on which scale, `study_weeks` which weeks; `effects.measure_effect` puts them together with
`detectable` (sizes that can be found), `placebos` (where nothing changed) and `verdicts`; `gains` is what it is worth;
`changes` are those that tables tell of.
"""

from opslib.analysis.methods.impact.changes import Change, changes_of
from opslib.analysis.methods.impact.effects import Arms, Effect, Measured, measure_effect
from opslib.analysis.methods.impact.gains import YearlyGain, yearly_gain
from opslib.analysis.methods.impact.step import StepFit, fit_step
from opslib.analysis.methods.impact.study_weeks import StudyWeeks, study_weeks
from opslib.analysis.methods.impact.verdicts import Refusal, Review, Verdict, reviews_of, verdict_of

__all__ = [
    "Arms",
    "Change",
    "Effect",
    "Measured",
    "Refusal",
    "Review",
    "StepFit",
    "StudyWeeks",
    "Verdict",
    "YearlyGain",
    "changes_of",
    "fit_step",
    "measure_effect",
    "reviews_of",
    "study_weeks",
    "verdict_of",
    "yearly_gain",
]
