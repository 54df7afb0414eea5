# SPDX-License-Identifier: Apache-2.0
"""Does a value fit a JSON Schema (2020-12)? The keywords that api/ uses; any other is an error."""
import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}
WORDS = {"$schema", "$id", "$comment", "$defs", "title", "description", "if", "then", "else"}


def is_type(value, name):
    if name in ("number", "integer"):
        return isinstance(value, int if name == "integer" else (int, float)) and \
            not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def same(a, b):
    """JSON's equality: 1 is not true."""
    return type(a) is type(b) and a == b


class Schema:
    def __init__(self, document):
        self.document = document

    def fits(self, value, schema=None):
        schema = self.document if schema is None else schema
        if isinstance(schema, bool):
            return schema
        if "if" in schema and not self.fits(
                value, schema.get("then" if self.fits(value, schema["if"]) else "else", True)):
            return False
        return all(getattr(self, "check_" + key.replace("$", ""))(value, schema[key], schema)
                   for key in schema if key not in WORDS)

    def check_ref(self, value, ref, _):
        place = self.document
        for part in ref.removeprefix("#/").split("/"):
            place = place[part]
        return self.fits(value, place)

    def check_type(self, value, name, _):
        return is_type(value, name)

    def check_enum(self, value, values, _):
        return any(same(value, one) for one in values)

    def check_const(self, value, one, _):
        return same(value, one)

    def check_pattern(self, value, pattern, _):
        # "$" must be the end, not the place before a last line feed
        return not isinstance(value, str) or \
            re.search(re.sub(r"(?<!\\)\$(?=$|\)|\|)", r"\\Z", pattern), value) is not None

    def check_minLength(self, value, least, _):
        return not isinstance(value, str) or len(value) >= least

    def check_maxLength(self, value, most, _):
        return not isinstance(value, str) or len(value) <= most

    def check_minimum(self, value, least, _):
        return not is_type(value, "number") or value >= least

    def check_maximum(self, value, most, _):
        return not is_type(value, "number") or value <= most

    def check_items(self, value, items, _):
        return not isinstance(value, list) or all(self.fits(one, items) for one in value)

    def check_minItems(self, value, least, _):
        return not isinstance(value, list) or len(value) >= least

    def check_maxItems(self, value, most, _):
        return not isinstance(value, list) or len(value) <= most

    def check_uniqueItems(self, value, wanted, _):
        return not (wanted and isinstance(value, list)) or \
            not any(same(a, b) for at, a in enumerate(value) for b in value[:at])

    def check_required(self, value, keys, _):
        return not isinstance(value, dict) or all(key in value for key in keys)

    def check_properties(self, value, properties, _):
        return not isinstance(value, dict) or \
            all(self.fits(value[key], properties[key]) for key in value if key in properties)

    def check_additionalProperties(self, value, other, schema):
        return not isinstance(value, dict) or \
            all(self.fits(value[key], other) for key in value
                if key not in schema.get("properties", {}))

    def check_propertyNames(self, value, names, _):
        return not isinstance(value, dict) or all(self.fits(key, names) for key in value)

    def check_maxProperties(self, value, most, _):
        return not isinstance(value, dict) or len(value) <= most

    def check_oneOf(self, value, schemas, _):
        return sum(self.fits(value, schema) for schema in schemas) == 1

    def check_allOf(self, value, schemas, _):
        return all(self.fits(value, schema) for schema in schemas)
