using System.Text.Json;
using Heed.Retrieval;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public class EmbedWordCommandTests
{
    private static string Words => Path.Combine(Repository.Goldens, "retrieval", "vectors", "gensim.txt");

    [Fact]
    public async Task Near_and_analogy_answer_as_the_reference_does()
    {
        (int code, string output, string error) = await Run("embed", "near", Words, "king", "--top-k", "2");
        Assert.Equal((ExitCode.Ok, ""), (code, error));
        Assert.Equal(["germany  0.8267", "prince   0.7360"], output.TrimEnd().Split('\n'));
        Assert.StartsWith("bicycle ", (await Run("embed", "near", Words, "car", "bus", "--minus", "train")).Output, StringComparison.Ordinal);
        Assert.StartsWith("mother", (await Run("embed", "near", Words, "train", "bus", "bicycle", "mother", "--odd")).Output, StringComparison.Ordinal);
        Assert.StartsWith("queen", (await Run("embed", "analogy", Words, "man", "king", "woman")).Output, StringComparison.Ordinal);
        Assert.StartsWith("bus ", (await Run("embed", "analogy", Words, "car", "bicycle", "train")).Output, StringComparison.Ordinal);
        Assert.StartsWith("train ", (await Run("embed", "analogy", Words, "car", "bicycle", "train", "--include-given")).Output, StringComparison.Ordinal);
        Assert.StartsWith("paris ", (await Run("embed", "analogy", Words, "car", "bicycle", "train", "--product")).Output, StringComparison.Ordinal);
        using JsonDocument json = JsonDocument.Parse((await Run("embed", "analogy", Words, "man", "king", "woman", "--json")).Output);
        Assert.Equal(0.770484206, json.RootElement.GetProperty("results")[0].GetProperty("score").GetDouble(), 1e-6);
    }

    [Theory]
    [InlineData("king", "the file", "does not exist", ExitCode.InputOutput)]
    [InlineData("King", "", "It has 'king'", ExitCode.InputRejected)]
    public async Task What_is_not_there_is_named(string word, string file, string expected, int exit)
    {
        (int code, string output, string error) = await Run("embed", "near", file.Length > 0 ? file : Words, word);
        Assert.Equal(exit, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Training_writes_each_form_and_the_same_bytes_with_one_thread_and_two()
    {
        using TemporaryFolder folder = new();
        string text = Text(folder);
        foreach (string method in (string[])["skipgram", "cbow", "glove"])
        {
            string[] common = ["embed", "train", "--data", text, "--dimensions", "6", "--method", method, "--epochs", "2", "--seed", "5"];
            (int code, string said, string error) = await Run([.. common, "--out", folder.File(method + ".bin")]);
            Assert.True(code == ExitCode.Ok, error);
            Assert.Contains("words of 6 numbers", said, StringComparison.Ordinal);
            Assert.Equal(ExitCode.Ok, (await Run([.. common, "--out", folder.File("again.bin")])).Code);
            Assert.Equal(File.ReadAllBytes(folder.File(method + ".bin")), File.ReadAllBytes(folder.File("again.bin")));
        }

        string[] skipgram = ["embed", "train", "--data", text, "--dimensions", "6", "--epochs", "2", "--seed", "5"];
        (int two, _, string wrong) = await Signalled([.. skipgram, "--out", folder.File("two.bin")], environment: [("HEED_THREADS", "2")]);
        Assert.True(two == ExitCode.Ok, wrong);
        Assert.Equal(ExitCode.Ok, (await Signalled([.. skipgram, "--out", folder.File("one.bin")], environment: [("HEED_THREADS", "1")])).Code);
        Assert.Equal(File.ReadAllBytes(folder.File("one.bin")), File.ReadAllBytes(folder.File("two.bin")));
        Assert.Equal(File.ReadAllBytes(folder.File("one.bin")), File.ReadAllBytes(folder.File("skipgram.bin")));

        WordVectors binary = WordVectors.Read(folder.File("skipgram.bin"));
        foreach (string form in (string[])["word2vec", "word2vec-binary", "glove", "fasttext"])
        {
            Assert.Equal(ExitCode.Ok, (await Run([.. skipgram, "--format", form, "--out", folder.File("v")])).Code);
            WordVectors read = WordVectors.Read(folder.File("v"));
            Assert.Equal(binary.Words, read.Words);
            Assert.Equal(binary.Row(0)[0], read.Row(0)[0], form == "fasttext" ? 1e-5f : 0);
        }
    }

    [Theory]
    [InlineData("--negatives 3 --method glove", "glove counts all pairs")]
    [InlineData("--window 0", "--window: is '0'; a whole number from 1 to 100")]
    [InlineData("--method both", "both")]
    public async Task A_setting_that_does_not_fit_is_refused(string options, string expected)
    {
        using TemporaryFolder folder = new();
        (int code, _, string error) = await Run(["embed", "train", "--data", Text(folder), "--out", folder.File("v"), .. options.Split(' ')]);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.File("v")));
    }

    [Fact]
    public async Task Standard_input_is_a_text_too()
    {
        using TemporaryFolder folder = new();
        string text = string.Concat(Enumerable.Repeat("a b c\n", 6));
        (int code, _, string error) = await Run(["embed", "train", "--data", "-", "--out", folder.File("v"), "--dimensions", "3"], text);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Equal(["a", "b", "c"], WordVectors.Read(folder.File("v")).Words);
    }
}
