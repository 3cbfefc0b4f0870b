using System.Text.Json.Nodes;
using Heed.Engine.Nn;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Testing;
using Xunit;

namespace Heed.Models.Tests.Files;

public sealed class ModelFolderClassesTests
{
    private static readonly BertConfig Small = new() { Layers = 1, Heads = 2, Width = 8, Vocabulary = 20, PositionRows = 8 };

    [Fact]
    public void Names_of_classes_and_the_kind_of_problem_are_saved_and_read_again()
    {
        using TemporaryFolder folder = new();
        using (SequenceClassifier model = SequenceClassifier.Create(Small with { Labels = ["no", "perhaps", "yes"], ClassificationKind = ClassificationKind.MultiLabel }, new ParameterSet(ParameterSource.Random(1))))
            ModelFolder.Save(model, folder.Path);
        (Model loaded, _) = ModelFolder.Load(folder.Path);
        using (loaded)
        {
            Assert.Equal(["no", "perhaps", "yes"], loaded.Config.Labels);
            Assert.Equal(ClassificationKind.MultiLabel, loaded.Config.ClassificationKind);
        }

        JsonObject config = JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!.AsObject();
        Assert.Equal("perhaps", config["id2label"]!["1"]!.GetValue<string>());
        Assert.Equal(2, config["label2id"]!["yes"]!.GetValue<int>());
        Assert.Equal("multi_label_classification", config["problem_type"]!.GetValue<string>());
    }

    [Fact]
    public void A_new_head_on_an_old_folder_saves_its_own_classes()
    {
        using TemporaryFolder folder = new(), tuned = new();
        using (MaskedLanguageModel model = MaskedLanguageModel.Create(Small, new ParameterSet(ParameterSource.Random(1)))) ModelFolder.Save(model, folder.Path);
        string before = File.ReadAllText(folder.File("config.json"));
        Assert.DoesNotContain("id2label", before, StringComparison.Ordinal);
        LoadOptions options = new() { ForTraining = true, AllowMissing = true, Architecture = "BertForSequenceClassification", Configure = c => c with { Labels = ["a", "b", "c"] } };
        (Model head, _) = ModelFolder.Load(folder.Path, options);
        using (head) ModelFolder.Save(head, tuned.Path);
        (Model again, _) = ModelFolder.Load(tuned.Path);
        using (again) Assert.Equal(["a", "b", "c"], again.Config.Labels);
        (Model same, _) = ModelFolder.Load(folder.Path);
        using (same) ModelFolder.Save(same, folder.Path);
        Assert.Equal(before, File.ReadAllText(folder.File("config.json")));
    }
}
