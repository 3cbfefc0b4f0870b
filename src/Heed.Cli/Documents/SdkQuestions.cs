using System.Security.Cryptography;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using Heed.Cli.Commands;
using Heed.Retrieval;
using Heed.Training.Data;

namespace Heed.Cli.Documents;

/// <summary>
/// Questions with known answers, made of the documentation of the .NET SDK (Microsoft.NETCore.App.Ref): a document is a member's name and
/// what is said of its parameters, result, exceptions and remarks; the question is its summary, which the document does not hold.
/// </summary>
/// <param name="Documents">The members that are indexed.</param>
/// <param name="Asked">Questions about some of them.</param>
/// <param name="Foreign">Questions about members that are not indexed.</param>
internal sealed record SdkQuestions(
    IReadOnlyList<SearchDocument> Documents, IReadOnlyList<JudgedQuery> Asked, IReadOnlyList<JudgedQuery> Foreign)
{
    private const int FewestWords = 5, MostWords = 40;

    /// <summary>Chooses members in the order of the hash of their names: the same ones for the same SDK.</summary>
    /// <param name="members">How many are indexed.</param>
    /// <param name="questions">How many are asked about, and how many others.</param>
    /// <exception cref="StorageException">There is no SDK, or it has no documentation.</exception>
    public static SdkQuestions Make(int members, int questions)
    {
        string[] files = [.. SdkDocumentation.Find().Where(f => f.Contains("Microsoft.NETCore.App.Ref", StringComparison.Ordinal))];
        if (files.Length == 0)
            throw new StorageException("--sdk: no documentation of the .NET SDK was found (packs/Microsoft.NETCore.App.Ref below "
                + "DOTNET_ROOT). Install the SDK, or evaluate on --queries.");
        List<(string Name, string Summary, string Said)> all = [.. files.SelectMany(Members)];
        HashSet<string> once = [.. all.GroupBy(m => m.Summary, StringComparer.Ordinal).Where(g => g.Count() == 1).Select(g => g.Key)];
        var chosen = all.Where(m => once.Contains(m.Summary) && Words(m.Summary) is >= FewestWords and <= MostWords
                && Words(m.Said) >= FewestWords && !m.Said.Contains(m.Summary, StringComparison.Ordinal))
            .DistinctBy(m => m.Name).OrderBy(m => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(m.Name))),
            StringComparer.Ordinal)
            .Take(members + questions).ToArray();
        int indexed = Math.Min(members, Math.Max(1, chosen.Length - questions));
        return new SdkQuestions(
            [.. chosen.Take(indexed).Select(m => new SearchDocument { Key = m.Name, Title = Title(m.Name), Text = m.Said })],
            [.. chosen.Take(Math.Min(indexed, questions)).Select(Judged)], [.. chosen.Skip(indexed).Take(questions).Select(Judged)]);
    }

    private static JudgedQuery Judged((string Name, string Summary, string Said) member)
        => new(Question(member.Summary), new Dictionary<string, int> { [member.Name] = 1 });

    /// <summary><c>Removes all leading white space.</c> → <c>What removes all leading white space?</c></summary>
    private static string Question(string summary)
    {
        string plain = summary.TrimEnd('.', ' ');
        string verb = plain.Split(' ')[0] is "The" or "A" or "An" ? "is " : "";
        bool isName = plain.Length > 1 && char.IsUpper(plain[1]);
        return $"What {verb}{(isName ? plain : char.ToLowerInvariant(plain[0]) + plain[1..])}?";
    }

    /// <summary><c>M:System.String.Trim(System.Char)</c> → <c>String.Trim</c>.</summary>
    private static string Title(string name)
    {
        string plain = name[2..];
        int open = plain.IndexOf('(', StringComparison.Ordinal);
        string[] parts = (open < 0 ? plain : plain[..open]).Replace("#ctor", "constructor", StringComparison.Ordinal).Split('.');
        return string.Join('.', parts[^Math.Min(parts.Length, name[0] == 'T' ? 1 : 2)..]);
    }

    private static int Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;

    private static List<(string Name, string Summary, string Said)> Members(string file)
    {
        List<(string, string, string)> members = [];
        try
        {
            using FileStream stream = InputFile.Open(file);
            using XmlReader reader = XmlReader.Create(stream, new XmlReaderSettings
            {
                DtdProcessing = DtdProcessing.Prohibit,
                XmlResolver = null
            });
            while (reader.Read())
            {
                if (reader.NodeType != XmlNodeType.Element || reader.Name != "member") continue;
                using XmlReader inner = reader.ReadSubtree();
                XElement member = XElement.Load(inner);
                string name = (string?)member.Attribute("name") ?? "", summary = Prose(member.Element("summary"));
                if (name.Length < 3 || summary.Length == 0) continue;
                StringBuilder rest = new();
                foreach (XElement part in member.Elements().Where(p => p.Name.LocalName is "param" or "typeparam" or "returns" or "value"
                    or "exception" or "remarks"))
                {
                    string prose = Prose(part);
                    if (prose.Length == 0) continue;
                    string? label = part.Name.LocalName switch
                    {
                        "param" or "typeparam" => (string?)part.Attribute("name"),
                        "exception" => Last((string?)part.Attribute("cref")),
                        "returns" => "Returns",
                        _ => null,
                    };
                    rest.Append(label is null ? "" : label + ": ").Append(prose).Append('\n');
                }

                members.Add((name, summary, rest.ToString().TrimEnd()));
            }
        }
        catch (XmlException e)
        {
            throw new InvalidFileException(file, FormattableString.Invariant($"line {e.LineNumber}"), "is not XML: " + e.Message, e);
        }

        return members;
    }

    private static string Prose(XElement? element)
    {
        if (element is null) return "";
        StringBuilder text = new();
        foreach (XNode node in element.DescendantNodes())
        {
            if (node is XText t) text.Append(t.Value);
            else if (node is XElement e && e.IsEmpty)
                text.Append(Last((string?)(e.Attribute("cref") ?? e.Attribute("name") ?? e.Attribute("langword"))));
            else text.Append(' ');
        }

        return string.Join(' ', text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    private static string Last(string? reference)
    {
        if (reference is null) return "";
        int open = reference.IndexOfAny(['(', '`']);
        string name = open < 0 ? reference : reference[..open];
        return name[(name.LastIndexOfAny(['.', ':']) + 1)..];
    }
}
