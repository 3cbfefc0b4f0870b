"""Sentences of the .NET SDK's documentation and the kind of member that each describes.

    python generate.py /usr/share/dotnet/packs .
"""
import csv, hashlib, pathlib, re, sys, xml.etree.ElementTree as xml

KINDS = {"P": "property", "M": "method", "E": "event", "T": "type"}
packs, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
texts = {}
for file in sorted(packs.glob("Microsoft.NETCore.App.Ref/*/ref/*/*.xml")):
    for member in xml.parse(file).getroot().iter("member"):
        summary, name = member.find("summary"), member.get("name")
        if summary is None or len(summary) or not summary.text or name[0] not in KINDS or "#ctor" in name: continue
        text = re.sub(r"\s+", " ", summary.text).strip()
        if 12 <= len(text) <= 60 and text.endswith(".") and "." not in text[:-1] and text.isascii():
            texts.setdefault(text, set()).add(KINDS[name[0]])
rows = {kind: sorted((t for t, kinds in texts.items() if kinds == {kind}), key=lambda t: hashlib.sha256(t.encode()).hexdigest()) for kind in KINDS.values()}
print({kind: len(r) for kind, r in rows.items()})
for name, first, last in (("train", 0, 25), ("test", 25, 50)):
    part = [(t, kind) for kind, r in rows.items() for t in r[first:last]]
    part.sort(key=lambda r: hashlib.sha256((r[0] + name).encode()).hexdigest())
    with open(out / f"{name}.csv", "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([("text", "label"), *part])
