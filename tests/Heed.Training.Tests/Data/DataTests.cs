using Heed.Models;
using Heed.Testing;
using Heed.Training.Data;

namespace Heed.Training.Tests.Data;

public class DataTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(1000)]
    public void An_epoch_reads_every_block_once_and_the_next_one_in_another_order(int count)
    {
        BlockOrder order = new(count, 3);
        int[] first = [.. Enumerable.Range(0, count).Select(i => order[i])], second = [.. Enumerable.Range(0, count).Select(i => order[count + i])];
        Assert.Equal(Enumerable.Range(0, count), first.Order());
        Assert.Equal(Enumerable.Range(0, count), second.Order());
        if (count > 100) Assert.NotEqual(first, second);
    }

    [Fact]
    public void Labels_stand_under_the_token_that_predicts_them()
    {
        TokenBlocks blocks = new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3, "test");
        ModelInputs batch = blocks.Batch([1]);
        Assert.Equal(3, blocks.Count);
        Assert.Equal([3, 4, 5], batch.InputIds.Cells);
        Assert.Equal([4, 5, 6], batch.Labels!.Cells);
        Assert.True(batch.LabelsAreShifted);
    }

    [Fact]
    public void The_split_depends_on_the_text_alone_and_has_about_the_size_asked()
    {
        TextDocument[] documents = [.. Enumerable.Range(0, 4000).Select(i => new TextDocument($"f{i}", $"document number {i}"))];
        int held = documents.Count(d => d.IsHeldOut(0.1));
        Assert.InRange(held, 300, 500);
        Assert.Equal(documents[7].IsHeldOut(0.1), new TextDocument("elsewhere", "document number 7").IsHeldOut(0.1));
    }

    [Fact]
    public void A_binary_file_is_refused_with_the_byte()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("a.txt"), [65, 66, 0, 67]);
        InputException e = Assert.Throws<InputException>(() => TextFiles.Read(folder.Path).ToList());
        Assert.Contains("byte 2 is 0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_not_utf8_is_refused_with_line_and_byte()
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder.File("a.txt"), [65, 10, 66, 0xE9, 67]);
        InputException e = Assert.Throws<InputException>(() => TextFiles.Read(folder.File("a.txt")).ToList());
        Assert.Contains("line 2, byte 3", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_and_empty_places_are_errors_that_name_them()
    {
        using TemporaryFolder folder = new();
        Assert.Throws<StorageException>(() => TextFiles.Read(folder.File("missing")).ToList());
        InputException e = Assert.Throws<InputException>(() => TextFiles.Read(folder.Path).ToList());
        Assert.Contains(folder.Path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_without_text_is_refused_with_its_number()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("a.jsonl"), "{\"text\":\"one\"}\n{\"txt\":\"two\"}\n");
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => TextFiles.Read(folder.File("a.jsonl")).ToList());
        Assert.EndsWith("a.jsonl:2", e.File, StringComparison.Ordinal);
    }

    [Fact]
    public void Kept_ids_are_read_again_and_one_changed_bit_anywhere_is_found()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("tokens.bin");
        TokenCorpus made = TokenCorpus.Encode([new TextDocument("a", "hello"), new TextDocument("b", "world!")], t => [.. t.Select(c => (int)c)], 0, 0);
        Assert.Null(TokenCorpus.Read(path, "key", out bool damaged));
        Assert.False(damaged);
        made.Write(path, "key");
        TokenCorpus read = TokenCorpus.Read(path, "key", out damaged)!;
        Assert.Equal((made.Fingerprint, made.TrainingBytes, made.HeldOutBytes, made.Documents), (read.Fingerprint, read.TrainingBytes, read.HeldOutBytes, read.Documents));
        Assert.Equal(made.Training, read.Training);
        Assert.Null(TokenCorpus.Read(path, "other key", out damaged));
        Assert.False(damaged);
        // cases: r2. Any bit: ids, key, and the counts in the head.
        byte[] sound = File.ReadAllBytes(path);
        for (int i = 0; i < sound.Length; i++)
        {
            byte[] bytes = [.. sound];
            bytes[i] ^= 1;
            File.WriteAllBytes(path, bytes);
            Assert.Null(TokenCorpus.Read(path, "key", out damaged));
            Assert.True(damaged, $"byte {i}");
        }
    }

    [Fact]
    public void Documentation_becomes_prose_without_markup_and_without_repetition()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("x.xml"), """
            <doc><members>
            <member name="M:A.B.C(System.Int32)"><summary>Returns the <see cref="T:A.Thing" /> with the given number of items.</summary></member>
            <member name="M:A.B.D"><summary>Returns the <see cref="T:A.Thing" /> with the given number of items.</summary><remarks>Another sentence that is long enough.</remarks></member>
            </members></doc>
            """);
        TextDocument document = Assert.Single(SdkDocumentation.Read([folder.File("x.xml")]));
        Assert.Equal("Returns the Thing with the given number of items.\nAnother sentence that is long enough.\n", document.Text);
    }

    [Fact]
    public void A_part_shorter_than_a_block_is_refused()
        => Assert.Contains("shorter block", Assert.Throws<InputException>(() => new TokenBlocks([1, 2, 3], 3, "training")).Message, StringComparison.Ordinal);
}
