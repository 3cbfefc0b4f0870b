using System.Text.RegularExpressions;

namespace Heed.Repository.Tests;

/// <summary>
/// Every fault that was ever found has a number, and a test that carries it in a comment: <c>// cases: r4, u13</c>, above the test, at its
/// line, or in the summary of its class. None may be lost.
/// </summary>
public sealed partial class FaultTests
{
    /// <summary>The faults by number, in a few words. A new one gets the next number of its letter.</summary>
    private static readonly Dictionary<string, string> Faults = new(StringComparer.Ordinal)
    {
        ["1"] = "streams over byte fallback",
        ["2"] = "special tokens as stop strings",
        ["3"] = "first calls of two threads",
        ["4"] = "settings of sentence folders",
        ["5"] = "null metadata of safetensors",
        ["7a"] = "a default taken for not set",
        ["7b"] = "a list of ends cut where it is inherited",
        ["9a"] = "a home that does not exist",
        ["9b"] = "variables in paths of the cache",
        ["11"] = "options beside tokenizer.json",
        ["12"] = "stop strings and beams",
        ["13"] = "a step without targets",
        ["16"] = "use after Dispose",

        ["r1"] = "changed texts of a run",
        ["r2"] = "a bit of the ids",
        ["r3"] = "a bit of the run's tokenizer",
        ["r4"] = "a bit of a finished model",
        ["r5"] = "a bit of the log",
        ["r6"] = "killed between delete and rename",
        ["r7"] = "strange names beside checkpoints",
        ["r8"] = "counts beyond all runs",
        ["r9"] = "links in the cache",
        ["r10"] = "damaged files of the cache",
        ["r11"] = "weights that are NaN, with beams",
        ["r12"] = "a pipe where a file is expected",
        ["r13"] = "signals while input is read",
        ["r14"] = "normalizers that double the text",
        ["r15"] = "more text than memory",
        ["r16"] = "a read-only file system",
        ["r17"] = "NaN in a maximum",
        ["r18"] = "messages with numbers and a remedy",
        ["r19"] = "a weight file by itself",

        ["u1"] = "Dispose beside use",
        ["u2"] = "two losses on one tape",
        ["u3"] = "speed of Debug builds",
        ["u4"] = "suggested commands are quoted",
        ["u5"] = "ahead-of-time programs",
        ["u6"] = "beams beyond memory",
        ["u7"] = "terminals and redirections",
        ["u8"] = "folders of text with links",
        ["u9"] = "temperatures near zero",
        ["u10"] = "heads that do not divide the width",
        ["u11"] = "commands that the documents show",
        ["u12"] = "bytes and pieces of tokens",
        ["u13"] = "values that are nothing",
        ["u14"] = "the pace of a run",
        ["u15"] = "more steps, further training",
        ["u16"] = "one very long line",
        ["u17"] = "what packages say",
        ["u18"] = "streams that nobody disposes",
        ["u19"] = "signs of life of the first build",

        ["t1"] = "DistilBERT's sinusoidal table is trained",
        ["t2"] = "back-references",
        ["t3"] = "Unigram training",
        ["t4"] = "unclosed comments of templates",
        ["t5"] = "what tests of allocations measure",

        ["c1"] = "classes beside a .model",
        ["c2"] = "names of .model files",
        ["c3"] = "normalization of raw models",
        ["c4"] = "options of BERT classes",
        ["c5"] = "settings that change vectors",
        ["c6"] = "order of modules",
        ["c7"] = "add_prefix_space",
        ["c8"] = "split_special_tokens",
        ["c9"] = "any key that ends in _token",
        ["c10"] = "entries that replace added tokens",
        ["c11"] = "clean_up_tokenization_spaces",
        ["c12"] = "sides of truncation and padding",
        ["c13"] = "two lists of special tokens",
        ["c14"] = "special_tokens_map.json",
        ["c15"] = "raw files of other classes",
        ["c16"] = "forms of pooling",
        ["c17"] = "ids-only cases and cosine",
        ["c18"] = "a bare comment mark",
        ["c19"] = "Unigram pieces",
        ["c20"] = "departures are stated",

        ["g1"] = "null in config.json",
        ["g2"] = "null as padding id",
        ["g3"] = "labels against problem_type",
        ["g4"] = "num_labels against id2label",
        ["g5"] = "bans whose head is the prompt",
        ["g6"] = "two least lengths",
        ["g7"] = "masks from padding ids",
        ["g8"] = "8-bit floats",
        ["g9"] = "the context's end",
        ["g10"] = "a start id that is not set",
        ["g11"] = "lengths without room",
        ["g12"] = "grids that do not fit together",
        ["g13"] = "ids of one dimension",
        ["g14"] = "labels of which none counts",
        ["g15"] = "one label is regression",
        ["g16"] = "stop strings and the prompt",
        ["g17"] = "a mask of zeros",
        ["g18"] = "settings that are dropped",
        ["g19"] = "advice that the command line can follow",
        ["g20"] = "ends beyond the vocabulary, two copies",
        ["g21"] = "the earlier ones again",
    };

    [Fact]
    public void Every_fault_has_a_test_that_carries_its_number()
    {
        Dictionary<string, string> carried = new(StringComparer.Ordinal);
        List<string> wrong = [];
        foreach (string file in Tree.Sources("tests").Where(f => !f.EndsWith("/FaultTests.cs", StringComparison.Ordinal)))
        {
            string text = Tree.Read(file);
            string[] lines = text.Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                foreach (Match match in Carried().Matches(lines[i]))
                {
                    if (!Test().IsMatch(text)) wrong.Add($"{file}:{i + 1}: {match.Value} stands in a file without tests");
                    foreach (string number in match.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
                    {
                        if (!Faults.ContainsKey(number)) wrong.Add($"{file}:{i + 1}: {number} is no fault of the list");
                        carried[number] = file;
                    }
                }
            }
        }

        wrong.AddRange(Faults.Where(fault => !carried.ContainsKey(fault.Key)).Select(fault => $"{fault.Key} ({fault.Value}): no test carries the number"));
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [GeneratedRegex(@"\bcases: ((?:[rutcg]?\d+[ab]?(?:, )?)+)")]
    private static partial Regex Carried();

    [GeneratedRegex(@"\[(\w+, )?(?:Fact|Theory|SharedFact|LongFact)\b")]
    private static partial Regex Test();
}
