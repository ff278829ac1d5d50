"""Did a change help? The step that it makes in weekly values beside those of the untouched, and what may be said of it.

`step` fits, `scales` says on which scale, `study_weeks` which weeks; `effects.measure_effect` puts them together with
`detectable` (sizes that can be found), `placebos` (where nothing changed) and `verdicts`; `gains` is what it is worth.
"""
