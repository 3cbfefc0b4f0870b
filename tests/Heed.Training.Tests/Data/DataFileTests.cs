using System.Text;
using Heed.Testing;
using Heed.Training.Data;
using Parquet.Serialization;

namespace Heed.Training.Tests.Data;

/// <summary>Files of rows: what people's spreadsheets and exports look like, and what is wrong with them.</summary>
public sealed class DataFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Quotes_hold_delimiters_quotes_and_line_breaks_and_lines_are_counted_through_them()
    {
        ClassificationSet data = ExampleReader.Classification(Write("a.csv",
            "text,label\r\n\"one, \"\"two\"\"\r\nthree\",x\r\nplain,y\r\n"));
        Assert.Equal(["one, \"two\"\r\nthree", "plain"], data.Examples.Select(e => e.Text));
        Assert.Equal([2, 4], data.Examples.Select(e => e.Place.Number));
        Assert.Equal(["x", "y"], data.Labels);
        Assert.Contains(data.Statements, s => s.Contains("commas", StringComparison.Ordinal));
        Assert.Contains("kind: texts with one of 2 labels, deduced", data.Statements);
    }

    [Fact]
    public void A_german_export_with_a_byte_order_mark_semicolons_and_decimal_commas_is_understood()
    {
        ClassificationSet data = ExampleReader.Classification(Write("a.csv",
            "\uFEFFBewertung;Wert\nSehr gut, immer wieder;0,95\nNaja, geht so;0,5\n"));
        Assert.Equal(LabelKind.Regression, data.Kind);
        Assert.Equal([0.95, 0.5], data.Examples.Select(e => e.Value));
        Assert.Contains("numbers have a decimal comma", data.Statements);
        Assert.Contains(data.Statements, s => s.Contains("semicolons", StringComparison.Ordinal));

        Assert.Equal(["Gut", "Schlecht"], ExampleReader.Classification(Write("b.csv", "Kategorie;Satz\nGut;eins\nSchlecht;zwei\n")).Labels);
        Assert.Equal("Il est là", ExampleReader.Classification(Write("c.csv",
            "Texte,Catégorie\nIl est là,a\nElle aussi,b\n")).Examples[0].Text);
        Assert.Equal("Está aquí", ExampleReader.Classification(Write("d.tsv",
            "oración\tetiqueta\nEstá aquí\ta\nY ahí\tb\n")).Examples[0].Text);
    }

    [Fact]
    public void A_tsv_file_keeps_bare_quotes()
    {
        ExampleSet<RewritingExample> data = ExampleReader.Rewritings(Write("a.tsv",
            "source\ttarget\n\"Yes\" he said\t\"Ja\" sagte er\n\"a\tb\"\tc\n"));
        Assert.Equal("\"Yes\" he said", data.Examples[0].Source);
        Assert.Equal(["a\tb", "c"], [data.Examples[1].Source, data.Examples[1].Target]);
    }

    [Fact]
    public void A_file_of_two_columns_without_a_header_is_source_and_target()
    {
        ExampleSet<RewritingExample> data = ExampleReader.Rewritings(Write("a.tsv", "July 7\t7. Juli\nMay 1\t1. Mai\n"));
        Assert.Equal(2, data.Examples.Count);
        Assert.Contains(data.Statements, s => s.Contains("no header", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_fault_has_its_line_and_nothing_is_dropped_unasked()
    {
        string file = Write("a.csv", "text,label\nfine,x\nshort\n,y\nno label,\n\"a\"b,x\nfine too,y\n\"never closed,x\nmore,y\n");
        InputException error = Assert.Throws<InputException>(() => ExampleReader.Classification(file));
        Assert.Equal(ExitCode.InputRejected, error.ExitCode);
        foreach (string fault in (string[])[":3: has 1 field and the header 2", ":4: 'text' is empty", ":5: 'label' is empty",
            ":6: field 1 has text after its closing quote", ":8: a quote opens here"])
            Assert.Contains(file + fault, error.Message, StringComparison.Ordinal);
        Assert.Contains("The data has 5 faults", error.Message, StringComparison.Ordinal);

        ClassificationSet data = ExampleReader.Classification(file, new DataOptions { SkipFaulty = true });
        Assert.Equal(["fine", "fine too"], data.Examples.Select(e => e.Text));
        Assert.Equal(5, data.Faults.Count);
    }

    [Theory]
    [InlineData("text,content,label\na,b,c\n", "both 'text' and 'content'")]
    [InlineData("text,label,category\na,b,c\n", "both 'label' and 'category'")]
    [InlineData("sentence1,sentence2,premise,hypothesis,label\na,b,c,d,e\n",
        "both 'sentence1' with 'sentence2' and 'premise' with 'hypothesis'")]
    [InlineData("text,sentence1,sentence2,label\na,b,c,d\n", "both 'text' and 'sentence1' with 'sentence2'")]
    [InlineData("foo,bar\na,b\n", "the columns are 'foo', 'bar'")]
    [InlineData("text,bar\na,b\n", "no column for the label")]
    [InlineData("text,text\na,b\n", "twice")]
    [InlineData("text,label\n", "holds no example")]
    [InlineData("", "holds no rows")]
    [InlineData("text,label\na,x\nb,x\n", "one label only, 'x'")]
    public void What_cannot_be_decided_is_an_error_that_names_it(string content, string message)
    {
        InputException error = Assert.ThrowsAny<InputException>(() => ExampleReader.Classification(Write("a.csv", content)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Named_columns_win_and_a_wrong_name_lists_those_there_are()
    {
        string file = Write("a.csv", "text,content,label,category\na,b,c,d\ne,f,g,h\n");
        DataOptions options = new()
        {
            Columns = new Dictionary<DataColumn,
            string>
            { [DataColumn.Text] = "content", [DataColumn.Label] = "category" }
        };
        Assert.Equal(["b", "f"], ExampleReader.Classification(file, options).Examples.Select(e => e.Text));
        options = new() { Columns = new Dictionary<DataColumn, string> { [DataColumn.Text] = "body", [DataColumn.Label] = "category" } };
        Assert.Contains("no column 'body'", Assert.Throws<InputException>(() => ExampleReader.Classification(file, options)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_named_by_line_and_byte()
    {
        string latin = _folder.File("latin.csv");
        File.WriteAllBytes(latin, [.. "text,label\na,x\n"u8, (byte)'b', 0xFC, .. ",y\n"u8]);
        Assert.Contains(":3: byte 16 (0xFC) is not UTF-8", Assert.Throws<InputException>(() => ExampleReader.Classification(latin)).Message,
            StringComparison.Ordinal);
        string binary = _folder.File("binary.jsonl");
        File.WriteAllBytes(binary, [.. "{\"text\": \"a\", \"label\": 1}\n"u8, 0, 1, 2]);
        Assert.Contains("line 2, byte 26: is 0", Assert.Throws<InvalidFileException>(() => ExampleReader.Classification(binary)).Message,
            StringComparison.Ordinal);
        string wide = _folder.File("wide.csv");
        File.WriteAllText(wide, "text,label\n", Encoding.Unicode);
        Assert.Contains("UTF-16", Assert.Throws<InvalidFileException>(() => ExampleReader.Classification(wide)).Message,
            StringComparison.Ordinal);
        string array = _folder.File("latin.json");
        File.WriteAllBytes(array, [.. "[\n{\"text\": \""u8, 0xFC, .. "\"}]"u8]);
        Assert.Contains("line 2", Assert.Throws<InvalidFileException>(() => ExampleReader.Classification(array)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_longer_than_allowed_and_a_missing_file_have_their_own_errors()
    {
        string file = Write("a.csv", "text,label\n" + new string('a', 200_000) + ",x\nb,y\n");
        Assert.Contains("line 2, byte 11", Assert.Throws<InvalidFileException>(() => ExampleReader.Classification(file,
            new DataOptions { LongestLine = 100_000 })).Message, StringComparison.Ordinal);
        Assert.Equal(200_000, ExampleReader.Classification(file).Examples[0].Text.Length);
        Assert.Equal(ExitCode.InputOutput,
            Assert.Throws<StorageException>(() => ExampleReader.Classification(_folder.File("none.csv"))).ExitCode);
        Assert.Contains("'.docx'", Assert.Throws<InputException>(() => ExampleReader.Classification(Write("a.docx", "x"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Json_lines_and_arrays_keep_their_lines()
    {
        string lines = Write("a.jsonl",
            "{\"text\": \"a\", \"label\": 0}\n\n{\"text\": \"b\", \"label\": 1,}\n{\"text\": \"b\", \"text\": \"c\"}\n[1]\n{\"text\": \"b\"}\n{\"text\": \"b\", \"label\": 1}\n");
        string message = Assert.Throws<InputException>(() => ExampleReader.Classification(lines)).Message;
        foreach (string fault in (string[])[":3: ", ":4: ", ":5: is an array", ":6: 'label' is missing"]) Assert.Contains(lines + fault,
            message, StringComparison.Ordinal);
        ClassificationSet data = ExampleReader.Classification(Write("a.json",
            "[\n  {\"text\": \"a\",\n   \"label\": 10},\n  {\"text\": \"b\", \"label\": 9}\n]\n"));
        Assert.Equal([2, 4], data.Examples.Select(e => e.Place.Number));
        Assert.Equal(["9", "10"], data.Labels);
        Assert.Contains("is no array",
            Assert.Throws<InvalidFileException>(() => ExampleReader.Classification(Write("b.json", "{}"))).Message,
            StringComparison.Ordinal);
        Assert.Contains("not valid JSON",
            Assert.Throws<InvalidFileException>(() => ExampleReader.Classification(Write("c.json", "[{]"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Parquet_files_are_read_group_by_group_with_nulls_and_lists()
    {
        string file = _folder.File("a.parquet");
        ParquetRow[] rows = [new() { text = "a", label = 1, tokens = ["x", "y"], tags = ["O", "B-A"] },
            new() { text = "b", label = 0, tokens = ["z"], tags = ["O"] }, new() { text = null, label = 1, tokens = [], tags = [] }];
        await using (FileStream stream = File.Create(file)) await ParquetSerializer.SerializeAsync(rows, stream);
        DataOptions skip = new() { SkipFaulty = true, LabelNames = ["no", "yes"] };
        ClassificationSet data = ExampleReader.Classification(file, skip);
        Assert.Equal(["yes", "no"], data.Examples.Select(e => e.Labels[0]));
        Assert.Equal($"{file}: row 3", Assert.Single(data.Faults).Place.ToString());
        ExampleSet<TaggedExample> tagged = ExampleReader.Tags(file, new DataOptions { SkipFaulty = true });
        Assert.Equal(["O", "B-A"], tagged.Examples[0].Tags);
        File.WriteAllText(file, "PAR1 no parquet PAR1");
        Assert.Contains("cannot be read as Parquet", Assert.Throws<InvalidFileException>(() => ExampleReader.Classification(file)).Message,
            StringComparison.Ordinal);
    }

    private string Write(string name, string content)
    {
        File.WriteAllText(_folder.File(name), content);
        return _folder.File(name);
    }

    private sealed class ParquetRow
    {
        public string? text { get; set; }

        public int label { get; set; }

        public List<string> tokens { get; set; } = [];

        public List<string> tags { get; set; } = [];
    }
}
