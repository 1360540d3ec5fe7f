"""The signed policy: which feeds a unit has, who gets what of a read, when, what for, for how long.

`model` the policy itself · `codec` as CBOR, and back strictly · `signed` under the authority's key ·
`calendar` when · `decide` which feeds get a read · `coarse` what they see of it · `words` and `changes`
in plain English.
"""
